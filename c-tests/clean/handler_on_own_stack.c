// A stack overflow recovered on the program's own alternate stack, with its own mask.
// expect: clean
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static sigjmp_buf back;
static char stack[65536];

static void on_fault(int number, siginfo_t *info, void *context)
{
    char here;
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("on own stack: %d, SIGUSR1 blocked: %d, SIGSEGV blocked: %d\n",
           &here >= stack && &here < stack + sizeof stack,
           sigismember(&now, SIGUSR1), sigismember(&now, SIGSEGV));
    siglongjmp(back, 1);
}

static int dive(volatile char *above)
{
    volatile char frame[4096];
    frame[0] = above[0];
    return dive(frame) + frame[0];
}

int main(void)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    sigaddset(&action.sa_mask, SIGUSR1);
    sigaction(SIGSEGV, &action, NULL);
    for (volatile int i = 0; i < 2; i++)
        if (sigsetjmp(back, 1) == 0)
            dive("");
    puts("recovered");
    return 0;
}
