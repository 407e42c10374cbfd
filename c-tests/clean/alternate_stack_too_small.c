// The frame does not fit on the alternate stack: a SIGSEGV of the kernel's, for a handler that needs none.
// expect: clean
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static char stack[2048];

static void on_signal(int number)
{
    static const char text[] = "signal\n";
    (void)!write(1, text, sizeof text - 1);
    _exit(number);
}

static void nest(int number)
{
    (void)number;
    raise(SIGUSR2);
}

int main(void)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = nest, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&alternate, NULL))
        return 1;
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = nest;
    sigaction(SIGUSR2, &action, NULL);
    signal(SIGSEGV, on_signal);
    raise(SIGUSR1);
    return 0;
}
