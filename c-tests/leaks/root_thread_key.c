// The only pointer is the value of a key of the thread.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <pthread.h>
#include <stdlib.h>

static NOINLINE void keep(void)
{
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, malloc(40)); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    keep();
    clobber();
}
