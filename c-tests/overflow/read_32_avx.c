// A read of an AVX register right after the object.
// needs-cpu: avx
// expect: heap-buffer-overflow
// expect-access: READ of size 32
// expect-place: located 0 bytes after 64-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(64); // <- allocated in main
    asm volatile("vmovups (%0), %%ymm0" : : "r"(p + 64) : "xmm0"); // <- access in main
    return 0;
}
