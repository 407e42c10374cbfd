// A bad call in a thread whose stack has 16 KiB.
// expect: double-free
// expect-place: located 0 bytes inside of 16-byte region
// expect-thread: T1
// expect-freed-by: T1
// expect-allocated-by: T1
#include <pthread.h>
#include <stdlib.h>

static void *work(void *unused)
{
    char *p = malloc(16); // <- allocated in work
    free(p); // <- freed in work
    free(p); // <- called in work
    return NULL;
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
