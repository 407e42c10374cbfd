// The first thread allocates, the second frees, the third reads.
// expect: heap-use-after-free
// expect-access: READ of size 8
// expect-place: located 8 bytes inside of 32-byte region
// expect-thread: T3
// expect-freed-by: T2
// expect-allocated-by: T1
#include <pthread.h>
#include <stdlib.h>

static void *make(void *unused)
{
    return malloc(32); // <- allocated in make
}

static void *release(void *p)
{
    free(p); // <- freed in release
    return p;
}

static void *use(void *p)
{
    return ((void **)p)[1]; // <- access in use
}

int main(void)
{
    void *(*const steps[])(void *) = {make, release, use};
    void *p = NULL;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, steps[i], p);
        pthread_join(thread, &p);
    }
    return 0;
}
