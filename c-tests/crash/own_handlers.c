// A program's handlers get their signals, and what it set is what it is told.
// expect: clean
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static sigjmp_buf back;

static void on_signal(int number)
{
    siglongjmp(back, number);
}

static void provoke(int number)
{
    volatile int zero = 0;
    switch (number) {
    case SIGFPE:
        zero = 10 / zero;
        break;
    case SIGILL:
        __builtin_trap();
    case SIGABRT:
        abort();
    case SIGSEGV:
        *(volatile int *)0 = 1;
    }
}

int main(void)
{
    const int numbers[] = {SIGFPE, SIGILL, SIGABRT, SIGSEGV};
    for (int i = 0; i < 4; i++) {
        int number = numbers[i];
        struct sigaction action, ours = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
        sigaction(number, NULL, &action);
        printf("%d: default %d flags %x", number, action.sa_handler == SIG_DFL, action.sa_flags);
        sigaction(number, &ours, &action);
        printf(", before %d", action.sa_handler == SIG_DFL);
        int caught = sigsetjmp(back, 1);
        if (caught == 0)
            provoke(number);
        printf(", caught %d", caught);
        struct sigaction fallback = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART};
        sigaction(number, &fallback, &action);
        printf(", had ours %d", action.sa_handler == on_signal);
        sigaction(number, NULL, &action);
        printf(", default %d flags %x\n", action.sa_handler == SIG_DFL, action.sa_flags);
        signal(number, SIG_IGN);
        printf("ignored %d\n", signal(number, SIG_DFL) == SIG_IGN);
        printf("default %d\n", signal(number, SIG_DFL) == SIG_DFL);
    }
    return 0;
}
