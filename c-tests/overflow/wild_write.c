// A pointer a gigabyte away from the only objects: nothing is near, and that is said.
// expect: wild-access
// expect-access: WRITE of size 1
// expect-place: never allocated: no object is near
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(64);
    p[1L << 30] = 1; // <- access in main
    return 0;
}
