// A thread frees an object, then the main thread resizes it.
// expect: double-free
// expect-call: realloc
// expect-place: located 0 bytes inside of 48-byte region
// expect-freed-by: T1
#include <pthread.h>
#include <stdlib.h>

static pthread_barrier_t freed;

static void *first(void *p)
{
    free(p); // <- freed in first
    pthread_barrier_wait(&freed);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char *p = malloc(48); // <- allocated in main
    pthread_barrier_init(&freed, NULL, 2);
    pthread_create(&thread, NULL, first, p);
    pthread_barrier_wait(&freed);
    p = realloc(p, 96); // <- called in main
    pthread_join(thread, NULL);
    return p == NULL;
}
