// realloc keeps the content, makes from NULL, and frees for 0.
// expect: clean
#include <assert.h>
#include <stdlib.h>

int main(void)
{
    unsigned char *p = realloc(NULL, 1);
    assert(p);
    p[0] = 0;
    for (size_t size = 1; size < 300000; size = size * 3 / 2 + 1) {
        size_t grown = size * 3 / 2 + 1;
        p = realloc(p, grown);
        for (size_t i = 0; i < size; i++)
            assert(p[i] == (unsigned char)(i * 7));
        for (size_t i = size; i < grown; i++)
            p[i] = (unsigned char)(i * 7);
    }
    p = realloc(p, 20);
    for (size_t i = 0; i < 20; i++)
        assert(p[i] == (unsigned char)(i * 7));
    p = realloc(p, 20);
    assert(p && p[19] == (unsigned char)(19 * 7));
    assert(realloc(malloc(10), 0) == NULL);
    return 0;
}
