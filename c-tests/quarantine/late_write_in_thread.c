// A thread ends before it has freed enough for a batch.
// expect: heap-use-after-free
// expect-found: at exit
// expect-place: located 0 bytes inside of 3-byte region
// expect-thread: T1
// expect-freed-by: T1
// expect-allocated-by: T1
// options: --fast
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *work(void *unused)
{
    char *volatile stale = malloc(3); // <- allocated in work
    free(stale); // <- freed in work
    stale[0] = 1;
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    // Not by exit, which checks as well.
    _exit(0);
}
