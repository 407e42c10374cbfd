// An increment in memory both reads and writes; it is reported as the write.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    asm volatile("incl (%0)" : : "r"(p + 12) : "memory"); // <- access in main
    return 0;
}
