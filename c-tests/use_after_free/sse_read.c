// An SSE read of a freed object.
// expect: heap-use-after-free
// expect-access: READ of size 16
// expect-place: located 16 bytes inside of 64-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(64); // <- allocated in main
    free(p); // <- freed in main
    asm volatile("movups (%0), %%xmm0" : : "r"(p + 16) : "xmm0"); // <- access in main
    return 0;
}
