// SIGSEGV sent by raise goes to the program's handler, once; the second one kills.
// expect: clean
#include <signal.h>
#include <stdio.h>

static void on_fault(int number, siginfo_t *info, void *context)
{
    printf("sent by a process: %d\n", info->si_code <= 0);
    fflush(stdout);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    sigaction(SIGSEGV, &action, NULL);
    raise(SIGSEGV);
    raise(SIGSEGV);
    return 0;
}
