// The only pointer is a local variable of a thread that waits.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int ready[2];

static NOINLINE void *make(void)
{
    return malloc(40); // <- leak: reachable 40 bytes in 1
}

static void *run(void *unused)
{
    (void)unused;
    void *volatile object = make();
    clobber();
    (void)!write(ready[1], "", 1);
    for (;;)
        pause();
    return object;
}

int main(void)
{
    pthread_t thread;
    char byte;
    (void)!pipe(ready);
    pthread_create(&thread, NULL, run, NULL); // <- leak: libc
    (void)!read(ready[0], &byte, 1);
}
