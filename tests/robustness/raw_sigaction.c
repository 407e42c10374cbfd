// Takes SIGSEGV by the system call, which no preloaded library sees.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    struct { void (*handler)(int); unsigned long flags; void *restorer; unsigned long mask; } action = {SIG_DFL};
    syscall(SYS_rt_sigaction, SIGSEGV, &action, 0, 8);
    puts("done");
    return 0;
}
