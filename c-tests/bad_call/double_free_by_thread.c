// A thread frees what the main thread has freed already.
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
// expect-thread: T1
#include <pthread.h>
#include <stdlib.h>

static void *release(void *p)
{
    free(p); // <- called in release
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    pthread_create(&thread, NULL, release, p);
    pthread_join(thread, NULL);
    return 0;
}
