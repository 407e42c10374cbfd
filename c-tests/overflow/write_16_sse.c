// A write of an SSE register right after the object.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 16
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    asm volatile("movups %%xmm0, (%0)" : : "r"(p + 48) : "memory"); // <- access in main
    return 0;
}
