// The access is in a signal handler; the interrupted frames lie below it.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
#include <signal.h>
#include <stdlib.h>

static volatile int *p;

static void on_signal(int number)
{
    *p; // <- access in on_signal
}

int main(void)
{
    signal(SIGUSR1, on_signal);
    p = malloc(48); // <- allocated in main
    free((void *)p); // <- freed in main
    raise(SIGUSR1); // <- access in main (any frame)
    return 0;
}
