// What a stale read finds when the program goes on is the byte that the user asked for.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going --free-fill 165
// expect-exit: 0
// expect-stdout: went on a5a5a5a5
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    unsigned *volatile p = malloc(48); // <- allocated in main
    *p = 5;
    free(p); // <- freed in main
    unsigned found = *p; // <- access in main
    printf("went on %x\n", found);
    return 0;
}
