// A handler whose alternate stack has disarmed itself sets the same one, and a signal comes while it runs there.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define DISARM (1U << 31)

static char *stack;

static void nested(int number)
{
    printf("signal %d\n", number);
}

static void on_signal(int number)
{
    stack_t again = {.ss_sp = stack, .ss_size = 65536}, now;
    printf("signal %d: %d\n", number, sigaltstack(&again, NULL));
    sigaltstack(NULL, &now);
    printf("%d %d\n", now.ss_sp == stack, now.ss_flags);
    raise(SIGUSR2);
}

int main(void)
{
    stack = malloc(65536);
    stack_t alternate = {.ss_sp = stack, .ss_size = 65536, .ss_flags = (int)DISARM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    printf("%d\n", sigaltstack(&alternate, NULL));
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = nested;
    sigaction(SIGUSR2, &action, NULL);
    raise(SIGUSR1);
    return 0;
}
