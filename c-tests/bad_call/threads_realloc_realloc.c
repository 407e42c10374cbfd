// A thread resizes an object, then the main thread does so where it was.
// expect: double-free
// expect-call: realloc
// expect-place: located 0 bytes inside of 48-byte region
// expect-freed-by: T1
#include <pthread.h>
#include <stdlib.h>

static pthread_barrier_t moved;

static void *first(void *p)
{
    p = realloc(p, 96); // <- freed in first
    pthread_barrier_wait(&moved);
    return p;
}

int main(void)
{
    pthread_t thread;
    char *p = malloc(48); // <- allocated in main
    pthread_barrier_init(&moved, NULL, 2);
    pthread_create(&thread, NULL, first, p);
    pthread_barrier_wait(&moved);
    p = realloc(p, 24); // <- called in main
    pthread_join(thread, NULL);
    return p == NULL;
}
