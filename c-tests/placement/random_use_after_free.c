// Placement random: wherever the object lies, its use after free is found.
// options: --placement random --seed 7
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 4 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    p[1] = 1; // <- access in main
    return 0;
}
