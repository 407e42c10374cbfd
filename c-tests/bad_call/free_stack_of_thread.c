// A thread frees one of its own local variables.
// expect: bad-free
// expect-place: on the stack of thread T1
// expect-thread: T1
#include <pthread.h>
#include <stdlib.h>

static void *work(void *unused)
{
    char local[64];
    free(local + 16); // <- called in work
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
