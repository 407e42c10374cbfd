// Objects from 8 KiB to 64 MiB come, grow, shrink and go.
// expect: clean
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    for (int round = 0; round < 20; round++)
        for (size_t size = 8192; size <= 64 << 20; size *= 2) {
            char *p = malloc(size + round);
            p[0] = p[size - 1] = 'a';
            p = realloc(p, size / 2);
            assert(p[0] == 'a');
            p = realloc(p, size + 100000);
            assert(p[0] == 'a');
            p[size + 99999] = 'b';
            free(p);
        }
    puts("done");
    return 0;
}
