// A checked libc call is reported before it is made; what it does to the guard is the same bug.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 100
// expect-place: located 0 bytes after 64-byte region
// expect-call: memcpy
// options: --keep-going
// expect-exit: 0
// expect-stdout: went on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *volatile p = malloc(64); // <- allocated in main
    static char from[100];
    memcpy(p, from, 100); // <- access in main
    puts("went on");
    free(p);
    return 0;
}
