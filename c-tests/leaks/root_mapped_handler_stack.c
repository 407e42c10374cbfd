// The alternate stack is a mapping; the same.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

static NOINLINE void *make(void)
{
    return malloc(40); // <- leak: reachable 40 bytes in 1
}

static void handle(int signal)
{
    void *volatile object = make();
    clobber();
    exit(object == NULL || signal != SIGUSR1);
}

int main(void)
{
    void *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = memory, .ss_size = 65536};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}
