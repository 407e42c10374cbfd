// The destructor of thread-specific data runs while the thread ends.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 32-byte region
// expect-thread: T1
// expect-freed-by: T1
#include <pthread.h>
#include <stdlib.h>

static pthread_key_t key;

static void destroy(void *p)
{
    free(p); // <- freed in destroy
    *(volatile int *)p; // <- access in destroy
}

static void *work(void *p)
{
    pthread_setspecific(key, p);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_key_create(&key, destroy);
    pthread_create(&thread, NULL, work, malloc(32)); // <- allocated in main
    pthread_join(thread, NULL);
    return 0;
}
