// calloc's memory reads as zeros, also where freed objects were before.
// expect: clean
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    for (int round = 0; round < 200; round++) {
        size_t size = 1 + round * 97;
        unsigned char *p = calloc(size, 1);
        for (size_t i = 0; i < size; i++)
            assert(p[i] == 0);
        memset(p, 0xff, size);
        free(p);
    }
    return 0;
}
