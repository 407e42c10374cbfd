// free leaves errno alone, and so do calls that succeed.
// expect: clean
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int main(void)
{
    for (size_t size = 1; size < 10000000; size *= 3) {
        errno = 77;
        char *p = malloc(size);
        p = realloc(p, size + 1);
        char *q = calloc(size, 1);
        free(p);
        free(q);
        free(NULL);
        assert(errno == 77);
    }
    return 0;
}
