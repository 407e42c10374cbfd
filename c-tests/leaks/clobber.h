// For leak programs: what calls have left behind must not count as a pointer.
#include <string.h>

#define NOINLINE __attribute__((noinline))

// Overwrites the stack below the caller's frame, and the registers that calls need not keep.
static NOINLINE void clobber(void)
{
    volatile char dead[16384];
    memset((void *)dead, 0, sizeof dead);
    __asm__ volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi\n\t"
                     "xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d" ::
                         : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
}
