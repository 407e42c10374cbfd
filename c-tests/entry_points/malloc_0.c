// malloc(0) gives unique non-null pointers that can be freed.
// expect: clean
#include <assert.h>
#include <stdlib.h>

int main(void)
{
    char *all[100];
    for (int i = 0; i < 100; i++) {
        all[i] = malloc(0);
        assert(all[i]);
        for (int j = 0; j < i; j++)
            assert(all[i] != all[j]);
    }
    for (int i = 0; i < 100; i++)
        free(all[i]);
    free(NULL);
    char *p = calloc(0, 16), *q = calloc(16, 0);
    assert(p && q && p != q);
    return 0;
}
