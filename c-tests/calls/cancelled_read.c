// read and fgets stay cancellation points, and their cleanup handlers run.
// libs: -pthread
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int ends[2];

static void say(void *what)
{
    puts(what);
    free(what);
}

static void *wait_for_input(void *is_long)
{
    char *name = malloc(10), *buffer = malloc(8);
    sprintf(name, "cleaned %d", is_long != NULL);
    pthread_cleanup_push(say, name);
    read(ends[0], buffer, is_long ? 100 : 8);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pipe(ends);
    for (long i = 0; i < 2; i++) {
        pthread_t thread;
        void *result;
        pthread_create(&thread, NULL, wait_for_input, (void *)i);
        usleep(20000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        printf("%d\n", result == PTHREAD_CANCELED);
    }
    return 0;
}
