// posix_memalign returns EINVAL for bad alignments, and leaves pointer and errno alone.
// expect: clean
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int main(void)
{
    const size_t bad[] = {0, 1, 2, 4, 7, 9, 24, 100, 4097};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        void *p = &p;
        errno = 77;
        assert(posix_memalign(&p, bad[i], 100) == EINVAL);
        assert(p == &p && errno == 77);
    }
    void *zero = NULL;
    assert(posix_memalign(&zero, 64, 0) == 0 && zero != NULL);
    free(zero);
    return 0;
}
