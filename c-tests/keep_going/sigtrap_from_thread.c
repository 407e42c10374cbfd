// A thread sends SIGTRAPs to one that goes on after bugs all the while: each arrives, and each bug is let through.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// libs: -lpthread
// expect-exit: 0
// expect-stdout: handled 300
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRAPS = 300 };

static atomic_int handled;
static atomic_bool done;
static pthread_t reader;

static void handle(int number)
{
    handled++;
}

static void *send_traps(void *unused)
{
    for (int sent = 1; sent <= TRAPS; sent++) {
        if (sent % 2)
            pthread_kill(reader, SIGTRAP);
        else
            syscall(SYS_tgkill, getpid(), getpid(), SIGTRAP);
        while (handled < sent)
            sched_yield();
    }
    done = 1;
    return NULL;
}

int main(void)
{
    signal(SIGTRAP, handle);
    reader = pthread_self();
    char *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    pthread_t sender;
    pthread_create(&sender, NULL, send_traps, NULL);
    char found = 0;
    while (!done)
        found |= *p; // <- access in main
    pthread_join(sender, NULL);
    printf("handled %d\n", handled);
    return found;
}
