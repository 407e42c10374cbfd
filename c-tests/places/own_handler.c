// The program has a SIGSEGV handler. Our report comes, and the handler does not.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void on_fault(int number, siginfo_t *info, void *context)
{
    _exit(3);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    int *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    return *p; // <- access in main
}
