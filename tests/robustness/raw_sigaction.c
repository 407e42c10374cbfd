// Takes SIGSEGV by the instruction for a system call, which no preloaded library sees.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    struct { void (*handler)(int); unsigned long flags; void *restorer; unsigned long mask; } action = {SIG_DFL};
    register long bytes __asm__("r10") = 8;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_rt_sigaction), "D"((long)SIGSEGV), "S"(&action), "d"(0L), "r"(bytes)
                     : "rcx", "r11", "memory");
    if (result != 0)
        return 1;
    puts("done");
    return 0;
}
