// A thread loses an object and ends; nothing else of it stays.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <pthread.h>
#include <stdlib.h>

static void *run(void *unused)
{
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, NULL);
    pthread_join(thread, NULL);
    clobber();
}
