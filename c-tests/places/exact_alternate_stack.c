// The access is in a handler on an alternate stack of exactly the least size that the kernel names, and the handler
// gets as much of it as natively.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-stdout: on it
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

static char *p, stacks[65536];
static size_t bytes;

static void on_signal(int number)
{
    (void)number;
    // What a frame leaves may be nothing.
    char *here = __builtin_frame_address(0);
    if (here > stacks + 16384 - 256 && here <= stacks + 16384 + bytes)
        (void)!write(1, "on it\n", 6);
    p[32] = 1; // <- access in on_signal
}

int main(void)
{
    bytes = getauxval(51 /* AT_MINSIGSTKSZ */);
    if (bytes < 2048)
        bytes = 2048;
    stack_t alternate = {.ss_sp = stacks + 16384, .ss_size = bytes};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&alternate, NULL) || sigaction(SIGUSR1, &action, NULL))
        return 1;
    p = malloc(32); // <- allocated in main
    raise(SIGUSR1);
    return 0;
}
