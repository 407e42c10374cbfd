// A handler edits the mask that comes back when it returns: all signals are blocked from then on.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 32-byte region
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    sigfillset(&((ucontext_t *)context)->uc_sigmask);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    char *p = malloc(32); // <- allocated in main
    raise(SIGUSR1);
    return p[32]; // <- access in main
}
