// All signals are blocked by number, past libc's function.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-stdout: 0 1
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    unsigned long all = ~0UL, before = 0, now = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8L);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8L);
    printf("%lu %lu\n", before >> (SIGSEGV - 1) & 1, now >> (SIGSEGV - 1) & 1);
    fflush(stdout);
    char *p = malloc(32); // <- allocated in main
    return p[32]; // <- access in main
}
