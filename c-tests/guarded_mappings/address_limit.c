// A limit of address space holds as natively though places are kept: they do not count.
// options: --mappings guard
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static void try(size_t mebibytes)
{
    void *m = mmap(NULL, mebibytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%zu MiB: %s\n", mebibytes, m == MAP_FAILED ? strerror(errno) : "mapped");
    if (m != MAP_FAILED)
        munmap(m, mebibytes << 20);
}

int main(void)
{
    for (int i = 0; i < 100; i++)
        free(malloc(i * 100));
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (!file || fscanf(file, "%ld", &pages) != 1)
        return 1;
    fclose(file);
    struct rlimit before, wanted;
    getrlimit(RLIMIT_AS, &before);
    wanted = before;
    wanted.rlim_cur = pages * 4096ul + (256ul << 20);
    printf("%d\n", setrlimit(RLIMIT_AS, &wanted));
    try(100);
    try(240);
    try(280);
    void *large = malloc(200 << 20);
    printf("%d\n", large != NULL);
    try(20);
    try(100);
    free(large);
    try(240);
    void *m = mmap(NULL, 100 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *grown = mremap(m, 100 << 20, 400 << 20, MREMAP_MAYMOVE);
    printf("%d %d\n", m != MAP_FAILED, grown == MAP_FAILED);
    setrlimit(RLIMIT_AS, &before);
    try(300);
    return 0;
}
