// Two threads free the same objects at the same time: one of them is the second, whichever.
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
// expect-thread: T*
// expect-freed-by: T*
#include <pthread.h>
#include <stdlib.h>

enum { COUNT = 1000 };
static void *objects[COUNT];
static pthread_barrier_t start;

static void *release(void *unused)
{
    for (int i = 0; i < COUNT; i++) {
        pthread_barrier_wait(&start);
        free(objects[i]); // <- called, freed in release
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < COUNT; i++)
        objects[i] = malloc(48); // <- allocated in main
    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, release, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
