// A signal stack in the heap works though its pages were dropped: the kernel writes the frame there.
// expect: clean
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void on_signal(int signal)
{
    (void)signal;
    if (write(1, "handler\n", 8) != 8)
        _exit(2);
}

int main(void)
{
    char *block;
    if (posix_memalign((void **)&block, 4096, 65536))
        return 1;
    stack_t stack = {.ss_sp = block, .ss_size = 65536};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, 0);
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    madvise(block, 65536, MADV_DONTNEED);
    raise(SIGUSR1);
    return 0;
}
