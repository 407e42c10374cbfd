// Threads that allocate and free all the time, each with an object of its own that it has lost.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int ready[2];

static NOINLINE void lose(void)
{
    *(char *)malloc(40) = 1; // <- leak: definite 160 bytes in 4
}

static void *run(void *unused)
{
    lose();
    clobber();
    for (int i = 0; i < 1000; i++)
        free(malloc(24));
    (void)!write(ready[1], "", 1);
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    char byte;
    (void)!pipe(ready);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    for (int i = 0; i < 4; i++)
        (void)!read(ready[0], &byte, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    clobber();
}
