/* Limits its data to 64 MiB and takes what there is: in objects of argv[2] bytes, or with "grow" in one that grows by
 * as many. Prints how many mebibytes that were. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    size_t bytes = strtoul(argv[2], 0, 10), all = 0;
    struct rlimit limit = {64 << 20, 64 << 20};
    char *object = 0, *more;
    if (setrlimit(RLIMIT_DATA, &limit))
        return 1;
    int is_growing = !strcmp(argv[1], "grow");
    while (all < (size_t)1 << 30 && (more = is_growing ? realloc(object, all + bytes) : malloc(bytes))) {
        object = more;
        memset(is_growing ? object + all : object, 1, bytes);
        all += bytes;
    }
    printf("%zu %s\n", all >> 20, errno == ENOMEM ? "ENOMEM" : "other");
    return argc < 3;
}
