// Contexts whose masks have all signals in them, set and swapped to.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

static ucontext_t first, second;
static char stack[65536];

static void run(void)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("%d %d\n", sigismember(&now, SIGSEGV), sigismember(&now, SIGTERM));
    free(malloc(32));
}

int main(void)
{
    getcontext(&second);
    second.uc_stack.ss_sp = stack;
    second.uc_stack.ss_size = sizeof stack;
    second.uc_link = &first;
    sigfillset(&second.uc_sigmask);
    makecontext(&second, run, 0);
    swapcontext(&first, &second);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("%d %d\n", sigismember(&now, SIGSEGV), sigismember(&now, SIGTERM));
    return 0;
}
