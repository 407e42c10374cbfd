/* In a memory control group: argv[1] objects of argv[2] bytes, after argv[3] mebibytes of its own mapping; before all that
 * it writes argv[5] into the file argv[4], if they are given. Natively it fits. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = atol(argv[1]), bytes = atol(argv[2]), mapped = atol(argv[3]) << 20;
    char **objects = malloc(count * sizeof *objects);
    if (argc > 5) {
        int limit = open(argv[4], O_WRONLY);
        ssize_t length = strlen(argv[5]);
        if (write(limit, argv[5], length) != length) {
            perror(argv[4]);
            return 2;
        }
        close(limit);
    }
    if (mapped > 0) {
        char *own = mmap(0, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (own == MAP_FAILED)
            return 3;
        memset(own, 1, mapped);
    }
    for (long i = 0; i < count; i++) {
        objects[i] = malloc(bytes);
        if (!objects[i])
            return 4;
        memset(objects[i], 1, bytes);
    }
    puts(objects[count - 1][bytes - 1] == 1 ? "all there" : "wrong");
    for (long i = 0; i < count; i += 2)
        free(objects[i]);
    return 0;
}
