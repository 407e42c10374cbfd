// The guard before the first large object.
// expect: heap-buffer-underflow
// expect-access: WRITE of size 1
// expect-place: located 1 byte before 100000-byte region
// options: --keep-going --placement left
// expect-exit: 1
// expect-stdout: went on
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *other = malloc(50000);
    char *volatile p = malloc(100000); // <- allocated in main
    p[-1] = 5; // <- access in main
    puts("went on");
    return other != 0;
}
