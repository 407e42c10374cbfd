// The access is in a handler that runs on the program's alternate stack.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static char *p, stack[65536];

static void on_signal(int number)
{
    p[32] = 1; // <- access in on_signal
}

int main(void)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = sysconf(_SC_MINSIGSTKSZ) + 2048};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    sigaction(SIGUSR1, &action, NULL);
    p = malloc(32); // <- allocated in main
    raise(SIGUSR1);
    return 0;
}
