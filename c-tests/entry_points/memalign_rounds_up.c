// glibc's memalign rounds an alignment that is no power of two up to one that is.
// expect: clean
#include <assert.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

int main(void)
{
    for (size_t alignment = 0; alignment < 100; alignment++) {
        char *p = memalign(alignment, 20);
        size_t power = 16;
        while (power < alignment)
            power *= 2;
        assert(p && ((uintptr_t)p & (power - 1)) == 0);
        free(p);
    }
    return 0;
}
