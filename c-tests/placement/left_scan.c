// A loop goes on over the slack and into the guard: not the next object's, which begins behind that.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 96 bytes after 4000-byte region
// expect-stdout: scanning
// options: --placement left
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *p = calloc(4000, 1), *next = calloc(4000, 1); // <- allocated in main
    size_t i = 0;
    puts("scanning");
    fflush(stdout);
    while (p[i] != 'x') // <- access in main
        i++;
    free(next);
    return i > 4000;
}
