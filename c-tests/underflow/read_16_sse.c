// A read of an SSE register that ends inside the object.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: READ of size 16
// expect-place: located 8 bytes before 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    asm volatile("movups (%0), %%xmm0" : : "r"(p - 8) : "xmm0"); // <- access in main
    return 0;
}
