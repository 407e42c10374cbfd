// Whole pages inside of one object are unmapped, mapped anew, moved and protected: natively that works, and the object can be freed.
// expect: clean
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

int main(void)
{
    const int both = PROT_READ | PROT_WRITE, fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    mallopt(M_MMAP_THRESHOLD, 1);
    for (size_t size = 6 * PAGE; size < 1 << 20; size *= 3) {
        char *object = malloc(size + 10);
        char *p = (char *)(((uintptr_t)object + PAGE - 1) & -PAGE);
        memset(object, 7, size + 10);
        printf("%d\n", munmap(p, PAGE));
        printf("%d\n", munmap(p, PAGE));
        printf("%d\n", mmap(p, PAGE, both, fixed, -1, 0) == p);
        printf("%d %d\n", p[0], p[PAGE]);
        printf("%d\n", mprotect(p + PAGE, PAGE, PROT_NONE));
        printf("%d\n", mprotect(p + PAGE, PAGE, both));
        char *m = mremap(p + PAGE, PAGE, 8 * PAGE, MREMAP_MAYMOVE);
        printf("%d %d\n", m != MAP_FAILED, m[0]);
        printf("%d\n", mremap(m, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE) == p + PAGE);
        printf("%d\n", p[PAGE]);
        printf("%d\n", munmap(p, 3 * PAGE));
        free(object);
        free(malloc(size));
    }
    return 0;
}
