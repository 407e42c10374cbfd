// A read of a freed object finds zeros, and the program goes on.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 3
// expect-stdout: went on 0
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int *volatile p = malloc(48); // <- allocated in main
    *p = 5;
    free(p); // <- freed in main
    int found = *p; // <- access in main
    printf("went on %d\n", found);
    return 3;
}
