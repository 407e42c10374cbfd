// The first thread has ended: the last one ends the process.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <pthread.h>
#include <stdlib.h>

static pthread_t first;

static NOINLINE void lose(void)
{
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
}

static void *run(void *unused)
{
    pthread_join(first, NULL);
    lose();
    clobber();
    return unused;
}

int main(void)
{
    pthread_t thread;
    first = pthread_self();
    pthread_create(&thread, NULL, run, NULL); // <- leak: libc
    pthread_exit(NULL); // <- leak: libc
}
