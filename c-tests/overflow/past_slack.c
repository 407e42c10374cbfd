// A 40-byte object has 8 bytes of slack; the first byte after the slack faults.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 8 bytes after 40-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(40); // <- allocated in main
    p[12] = 1; // <- access in main
    return 0;
}
