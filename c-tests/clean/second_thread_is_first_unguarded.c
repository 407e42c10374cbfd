// A second thread is the first to need objects from libc's malloc, as those of the main thread are guarded. Natively the
// main thread was there before, when it made the thread, and has the part of libc's heap that brk(2) makes; so the
// second thread does not move the break. If it is the first, two threads can be the first at once: libc's malloc sets
// itself up without a lock, and one of the two fails later.
// options: --memory-limit 1
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OBJECTS = 200, BYTES = 50000 };

static void *fill(void *unused)
{
    static char *objects[OBJECTS];
    char *before = sbrk(0);
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = malloc(BYTES);
        objects[i][BYTES - 1] = 1;
    }
    puts(sbrk(0) == before ? "the break stays" : "the break moves");
    for (int i = 0; i < OBJECTS; i++)
        free(objects[i]);
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fill, NULL) != 0)
        return 1;
    return pthread_join(thread, NULL);
}
