// Two threads resize the same large objects at the same time: what one copies the other takes away.
// expect: double-free
// expect-call: realloc
// expect-place: located 0 bytes inside of 3000000-byte region
// expect-thread: T*
// expect-freed-by: T*
#include <pthread.h>
#include <stdlib.h>

enum { COUNT = 20, SIZE = 3000000 };
static void *objects[COUNT];
static pthread_barrier_t start;

static void *resize(void *unused)
{
    void *moved = NULL;
    for (int i = 0; i < COUNT; i++) {
        pthread_barrier_wait(&start);
        moved = realloc(objects[i], SIZE + 1); // <- called, freed in resize
    }
    return moved;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < COUNT; i++)
        objects[i] = malloc(SIZE); // <- allocated in main
    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, resize, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
