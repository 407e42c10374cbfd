// A thread whose stack has 16 KiB.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
// expect-thread: T1
// expect-allocated-by: T1
#include <pthread.h>
#include <stdlib.h>

static void *work(void *unused)
{
    char *p = malloc(16); // <- allocated in work
    return (void *)(long)p[16]; // <- access in work
}

int main(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    if (pthread_create(&thread, &attributes, work, NULL))
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
