// Crashes in a handler that has interrupted the runtime of fencepost.
#define _GNU_SOURCE
#include "../../include/fencepost.h"
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

static void *library;

static void on_tick(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    void *pc = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    Dl_info module;
    if (dladdr(pc, &module) && module.dli_fbase == library)
        *(volatile int *)8 = 1;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    Dl_info module;
    for (int i = 0; i < 2000; i++)
        memset(malloc(50), 1, 50);
    if (!fencepost_check_heap || !dladdr((void *)fencepost_check_heap, &module))
        return 2;
    library = module.dli_fbase;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (1)
        fencepost_check_heap();
}
