// 64 threads at once; each frees what the one before it made.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 64, OBJECTS = 300 };
static char *made[THREADS][OBJECTS];
static pthread_barrier_t barrier;

static void *work(void *argument)
{
    long self = (long)argument, before = (self + THREADS - 1) % THREADS, bad = 0;
    for (int i = 0; i < OBJECTS; i++)
        memset(made[self][i] = malloc(i + 1), (int)self, i + 1);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < OBJECTS; i++) {
        bad += made[before][i][i] != (char)before;
        free(made[before][i]);
    }
    return (void *)bad;
}

int main(void)
{
    pthread_t threads[THREADS];
    long bad = 0;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        bad += (long)result;
    }
    printf("%ld bad\n", bad);
    return 0;
}
