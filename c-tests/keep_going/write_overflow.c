// A write to a guard page goes nowhere.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 8
// expect-place: located 0 bytes after 64-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: went on
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    long *volatile p = malloc(64); // <- allocated in main
    p[8] = 5; // <- access in main
    puts("went on");
    free(p);
    return 0;
}
