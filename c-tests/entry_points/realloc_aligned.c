// An aligned object may be given to realloc; its content comes along.
// expect: clean
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    for (size_t alignment = 16; alignment <= 65536; alignment *= 4) {
        char *p;
        assert(posix_memalign((void **)&p, alignment, 200) == 0);
        memset(p, 'a', 200);
        p = realloc(p, 100000);
        assert(p[0] == 'a' && p[199] == 'a');
        p = realloc(p, 50);
        assert(p[0] == 'a' && p[49] == 'a');
        free(p);
    }
    return 0;
}
