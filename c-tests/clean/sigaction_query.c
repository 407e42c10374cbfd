// What the program asks about its handlers is what it set, not what we set.
// expect: clean
#include <signal.h>
#include <stdio.h>

static void on_fault(int number) {}

int main(void)
{
    const int numbers[] = {SIGSEGV, SIGBUS, SIGTRAP};
    for (int i = 0; i < 3; i++) {
        struct sigaction old, mine = {.sa_handler = on_fault, .sa_flags = SA_RESTART};
        sigaction(numbers[i], NULL, &old);
        printf("default: %d, flags %x\n", old.sa_handler == SIG_DFL, old.sa_flags);
        sigaction(numbers[i], &mine, &old);
        printf("default: %d\n", old.sa_handler == SIG_DFL);
        sigaction(numbers[i], NULL, &old);
        printf("mine: %d, restarts: %d\n", old.sa_handler == on_fault, !!(old.sa_flags & SA_RESTART));
        printf("signal gives mine: %d\n", signal(numbers[i], SIG_IGN) == on_fault);
        printf("then ignored: %d\n", signal(numbers[i], SIG_DFL) == SIG_IGN);
    }
    stack_t stack;
    sigaltstack(NULL, &stack);
    printf("alternate stack disabled: %d\n", !!(stack.ss_flags & SS_DISABLE));
    return 0;
}
