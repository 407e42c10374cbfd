// Coroutines that switch between stacks of malloc and allocate on each.
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { COUNT = 20, ROUNDS = 50 };
static ucontext_t home, away[COUNT];
static int running;

static void coroutine(void)
{
    int self = running;
    for (int round = 0; round < ROUNDS; round++) {
        int *p = malloc(sizeof(int) * (round + 1));
        p[round] = self;
        swapcontext(&away[self], &home);
        if (p[round] != self)
            exit(1);
        free(p);
    }
}

int main(void)
{
    char *stacks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        getcontext(&away[i]);
        away[i].uc_stack.ss_sp = stacks[i] = malloc(65536);
        away[i].uc_stack.ss_size = 65536;
        away[i].uc_link = &home;
        makecontext(&away[i], coroutine, 0);
    }
    for (int round = 0; round <= ROUNDS; round++)
        for (running = 0; running < COUNT; running++)
            swapcontext(&home, &away[running]);
    for (int i = 0; i < COUNT; i++)
        free(stacks[i]);
    puts("done");
    return 0;
}
