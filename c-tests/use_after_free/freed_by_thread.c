// One thread allocates, another frees, the first reads.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// expect-freed-by: T1
#include <pthread.h>
#include <stdlib.h>

static void *release(void *p)
{
    free(p); // <- freed in release
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int *p = malloc(48); // <- allocated in main
    pthread_create(&thread, NULL, release, p);
    pthread_join(thread, NULL);
    return *p; // <- access in main
}
