// A division can't run by itself: its own signal might come. The run ends, as without the option.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
#include <stdlib.h>

int main(void)
{
    int *volatile p = malloc(48); // <- allocated in main
    *p = 1;
    free(p); // <- freed in main
    int *stale = p, quotient;
    __asm__ volatile("movl $7, %%eax; cltd; idivl %1" : "=&a"(quotient) : "m"(*stale) : "rdx"); // <- access in main
    return quotient;
}
