// malloc_usable_size is at least what was asked for, and all of it can be written.
// expect: clean
#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    assert(malloc_usable_size(NULL) == 0);
    for (size_t size = 0; size < 20000; size = size * 5 / 4 + 1) {
        char *p = malloc(size);
        size_t usable = malloc_usable_size(p);
        assert(usable >= size);
        memset(p, 1, usable);
        p = realloc(p, usable + 100);
        for (size_t i = 0; i < usable; i++)
            assert(p[i] == 1);
        free(p);
    }
    return 0;
}
