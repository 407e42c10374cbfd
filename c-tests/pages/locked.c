// A program that locks each of its secrets and frees them unlocked: what it has locked does not add up beyond the limit.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

static long locked_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "VmLck: %ld", &kib);
    fclose(file);
    return kib;
}

int main(void)
{
    for (int i = 0; i < 3000; i++) {
        // Pages of their own, so that natively too no page is locked twice.
        char *secret = aligned_alloc(4096, 8192);
        if (mlock(secret, 8192)) {
            printf("%d: %s\n", i, strerror(errno));
            break;
        }
        memset(secret, i, 8192);
        free(secret);
    }
    printf("few: %d\n", locked_kib() < 1024);
    char *secret = aligned_alloc(4096, 65536), *large = aligned_alloc(4096, 1 << 20);
    printf("%d %d\n", mlock2(secret, 65536, MLOCK_ONFAULT), mlock(large, 1 << 20));
    printf("dropped: %d\n", madvise(secret, 4096, MADV_DONTNEED));
    printf("%d\n", munlock(large, 1 << 20));
    memset(secret, 1, 65536);
    secret = realloc(secret, 100000);
    printf("%d\n", secret[65535]);
    free(secret);
    free(large);
    printf("few: %d\n", locked_kib() < 1024);
    return 0;
}
