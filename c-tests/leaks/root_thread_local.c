// The only pointers are thread-local variables: of the first thread, and of one that waits.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int ready[2];
static __thread void *kept;

static NOINLINE void keep(void)
{
    kept = malloc(40); // <- leak: reachable 80 bytes in 2
}

static void *run(void *unused)
{
    keep();
    clobber();
    (void)!write(ready[1], "", 1);
    for (;;)
        pause();
    return unused;
}

int main(void)
{
    pthread_t thread;
    char byte;
    (void)!pipe(ready);
    pthread_create(&thread, NULL, run, NULL); // <- leak: libc
    (void)!read(ready[0], &byte, 1);
    keep();
    clobber();
}
