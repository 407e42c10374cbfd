// Limits itself to 256 MiB more address space, or data, than it has, and allocates until there is no more; then frees and begins again.
// expect: clean
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *fill(size_t bytes)
{
    void **last = NULL;
    size_t total = 0;
    void **object;
    while (total < 1ul << 30 && (object = malloc(bytes))) {
        memset(object, 0, bytes < 64 ? bytes : 64);
        *object = last;
        last = object;
        total += bytes;
    }
    const char *why = total >= 1ul << 30 ? "no limit" : errno == ENOMEM ? "no memory" : "another error";
    while (last) {
        object = *last;
        free(last);
        last = object;
    }
    // What it has counted as its own at first holds what a debugger of memory needs, too.
    return total < 150ul << 20 || total > 320ul << 20 ? "the wrong amount" : why;
}

static void limit(int resource, int field)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages[7] = {0};
    for (int i = 0; i < 7; i++)
        if (fscanf(file, "%ld", &pages[i]) != 1)
            exit(2);
    fclose(file);
    struct rlimit before;
    getrlimit(resource, &before);
    struct rlimit wanted = {pages[field] * 4096ul + (256ul << 20), before.rlim_max};
    if (setrlimit(resource, &wanted))
        exit(3);
    printf("%s\n", fill(1 << 20));
    printf("%s\n", fill(100000));
    printf("%s\n", fill(1 << 20));
    printf("%s\n", fill(10 << 20));
    struct rlimit now;
    getrlimit(resource, &now);
    printf("as it was set: %d\n", now.rlim_cur == wanted.rlim_cur && now.rlim_max == wanted.rlim_max);
    printf("lifted: %d\n", setrlimit(resource, &before));
    void *much = malloc(1ul << 30);
    printf("much: %d\n", much != NULL);
    free(much);
}

int main(void)
{
    limit(RLIMIT_AS, 0);
    limit(RLIMIT_DATA, 5);
    return 0;
}
