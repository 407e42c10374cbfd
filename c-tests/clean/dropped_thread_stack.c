// A thread's stack in the heap, dropped before the thread begins: the kernel is the first to write to it.
// expect: clean
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { BYTES = 65536 };

static void *work(void *argument)
{
    raise(SIGUSR1);
    return argument;
}

static void on_signal(int signal)
{
    printf("handler of %d\n", signal == SIGUSR1);
}

int main(void)
{
    char *block = aligned_alloc(4096, BYTES);
    pthread_attr_t attributes;
    pthread_t thread;
    signal(SIGUSR1, on_signal);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, block, BYTES);
    for (int i = 0; i < 3; i++) {
        if (madvise(block, BYTES, MADV_DONTNEED) || pthread_create(&thread, &attributes, work, 0))
            return 1;
        pthread_join(thread, 0);
    }
    free(block);
    return 0;
}
