// Pointers on an alternate stack, and on the stack that its handler interrupted.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <signal.h>
#include <stdlib.h>

static char alternate[65536];

static NOINLINE void *make(void)
{
    return malloc(40); // <- leak: reachable 80 bytes in 2
}

static void handle(int signal)
{
    void *volatile object = make();
    clobber();
    exit(object == NULL || signal != SIGUSR1);
}

int main(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    void *volatile object = make();
    clobber();
    raise(SIGUSR1);
    return object != NULL;
}
