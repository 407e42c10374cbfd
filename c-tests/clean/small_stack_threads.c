// Threads with stacks of 16 KiB that allocate, print and end.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *work(void *unused)
{
    char *p = malloc(100);
    p = realloc(p, 5000);
    snprintf(p, 5000, "%d", 5);
    free(p);
    return NULL;
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, work, NULL))
            return 1;
        pthread_join(thread, NULL);
    }
    puts("done");
    return 0;
}
