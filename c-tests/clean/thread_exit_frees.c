// 200 threads whose thread-specific data is freed, and allocated again, while they end.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_key_t key;

static void destroy(void *p)
{
    long rounds = *(long *)p;
    free(p);
    if (rounds > 0) {
        long *again = malloc(sizeof *again);
        *again = rounds - 1;
        pthread_setspecific(key, again);
    }
}

static void *work(void *unused)
{
    long *rounds = malloc(sizeof *rounds);
    *rounds = 3;
    pthread_setspecific(key, rounds);
    return malloc(50);
}

int main(void)
{
    pthread_key_create(&key, destroy);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        void *made;
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, &made);
        free(made);
    }
    puts("done");
    return 0;
}
