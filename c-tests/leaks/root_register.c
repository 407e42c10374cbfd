// The only pointer is in a register.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void *make(void)
{
    return malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    void *object = make();
    // A register that calls keep; the slot of the variable is cleared.
    __asm__ volatile("mov %0, %%r12; movq $0, %0; xor %%eax, %%eax" : "+m"(object)::"r12", "rax", "memory");
    clobber();
    exit(0);
}
