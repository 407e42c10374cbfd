// `push` reads its operand after the object; the write to the stack is in order.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 16-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(16); // <- allocated in main
    asm volatile("sub $128, %%rsp; pushq (%0); pop %%rax; add $128, %%rsp" : : "r"(p + 2) : "rax"); // <- access in main
    return 0;
}
