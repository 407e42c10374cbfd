// The program's own null dereferences go to its own handler, which leaves by siglongjmp.
// expect: clean
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static sigjmp_buf back;

static void on_fault(int number, siginfo_t *info, void *context)
{
    printf("signal %d at %p, code %d\n", number, info->si_addr, info->si_code);
    siglongjmp(back, 1);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    for (volatile int i = 0; i < 5; i++) {
        free(malloc(100));
        if (sigsetjmp(back, 1) == 0)
            *(volatile int *)8 = 1;
    }
    puts("recovered");
    return 0;
}
