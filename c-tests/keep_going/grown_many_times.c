// A program writes far behind a buffer that was grown many times, goes on, and grows it over that place.
// options: --keep-going
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-exit: 0
// expect-stdout: 0 wrong
// expect-place: located 5000 bytes after 20000-byte region

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *p = NULL;
    for (size_t n = 1; n <= 20000; n++)
        p = realloc(p, n); // <- allocated in main
    ((volatile char *)p)[25000] = 1; // <- access in main
    size_t wrong = 0;
    for (size_t n = 20001; n <= 40000; n++) {
        p = realloc(p, n);
        p[n - 1] = (char)n;
    }
    for (size_t n = 20001; n <= 40000; n++)
        wrong += p[n - 1] != (char)n;
    free(p);
    printf("%zu wrong\n", wrong);
    return 0;
}
