// A thread that blocks all signals still gets its report.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// expect-thread: T1
// expect-freed-by: T1
// expect-allocated-by: T1
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static void *work(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    int *p = malloc(48); // <- allocated in work
    free(p); // <- freed in work
    return (void *)(long)*p; // <- access in work
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
