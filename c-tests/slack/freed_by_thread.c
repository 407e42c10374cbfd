// The main thread writes too far, a thread frees.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 13-byte region
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
    char *p = malloc(13); // <- allocated in main
    p[13] = 0;
    pthread_create(&thread, NULL, release, p);
    pthread_join(thread, NULL);
    return 0;
}
