// The handler runs while the call waits with a mask that has all but its signal in it.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *p;

static void on_signal(int number)
{
    (void)number;
    p[32] = 1; // <- access in on_signal
}

int main(void)
{
    sigset_t all, one;
    sigfillset(&all);
    sigdelset(&all, SIGUSR1);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    p = malloc(32); // <- allocated in main
    signal(SIGUSR1, on_signal);
    sigprocmask(SIG_BLOCK, &one, NULL);
    raise(SIGUSR1);
    syscall(SYS_ppoll, NULL, 0L, NULL, &all, 8L);
    return 0;
}
