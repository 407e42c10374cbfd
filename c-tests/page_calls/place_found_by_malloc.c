// Old programs look for a free place by malloc and free, and map something there. Natively a large object leaves its place free.
// expect: clean
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    for (size_t size = 1 << 20; size <= 8 << 20; size *= 2) {
        char *p = malloc(size + 8192);
        char *place = (char *)(((uintptr_t)p + 8191) & -4096ul);
        free(p);
        char *m = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (m != place)
            return 1;
        memset(m, 1, size);
        printf("%d ", mprotect(m, size, PROT_READ));
        printf("%d\n", m[size - 1]);
        printf("%d\n", munmap(m, size));
    }
    return 0;
}
