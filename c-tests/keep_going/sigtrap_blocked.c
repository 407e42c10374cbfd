// The step works with SIGTRAP blocked, and leaves it blocked; one that is pending stays so.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: blocked 1, pending 1, then handled 1
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile int handled;

static void handle(int number)
{
    handled++;
}

int main(void)
{
    sigset_t all, now, pending;
    signal(SIGTRAP, handle);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGTRAP);
    char *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    char found = *p; // <- access in main
    sigprocmask(SIG_BLOCK, NULL, &now);
    sigpending(&pending);
    printf("blocked %d, pending %d, ", sigismember(&now, SIGTRAP), sigismember(&pending, SIGTRAP) && !handled);
    sigemptyset(&now);
    sigprocmask(SIG_SETMASK, &now, NULL);
    printf("then handled %d\n", handled);
    return found;
}
