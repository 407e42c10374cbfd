// The bug is in a thread with a name of its own.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 48-byte region
// expect-thread: T1
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>

static void *work(void *p)
{
    pthread_setname_np(pthread_self(), "worker");
    ((int *)p)[12] = 1; // <- access in work
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int *p = malloc(48); // <- allocated in main
    pthread_create(&thread, NULL, work, p); // <- created in main
    pthread_join(thread, NULL);
    return 0;
}
