// The bug runs on a stack that malloc made.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 16-byte region
#include <stdlib.h>
#include <ucontext.h>

static ucontext_t home, away;

static void coroutine(void)
{
    int *p = malloc(16); // <- allocated in coroutine
    p[4] = 1; // <- access in coroutine
}

int main(void)
{
    getcontext(&away);
    away.uc_stack.ss_sp = malloc(65536);
    away.uc_stack.ss_size = 65536;
    away.uc_link = &home;
    makecontext(&away, coroutine, 0);
    swapcontext(&home, &away);
    return 0;
}
