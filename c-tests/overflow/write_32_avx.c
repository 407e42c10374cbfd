// A write of an AVX register right after the object.
// needs-cpu: avx
// expect: heap-buffer-overflow
// expect-access: WRITE of size 32
// expect-place: located 0 bytes after 64-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(64); // <- allocated in main
    asm volatile("vmovups %%ymm0, (%0)" : : "r"(p + 64) : "memory"); // <- access in main
    return 0;
}
