// The guard beside a live object reads as zeros whatever freed objects are filled with.
// expect: heap-buffer-overflow
// expect-access: READ of size 4
// expect-place: located 0 bytes after 48-byte region
// options: --keep-going --free-fill 165
// expect-exit: 0
// expect-stdout: went on 0
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    unsigned *volatile p = malloc(48); // <- allocated in main
    unsigned found = p[12]; // <- access in main
    printf("went on %x\n", found);
    free(p);
    return 0;
}
