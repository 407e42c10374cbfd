// The attributes of the thread block all signals.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-thread: T1*
// expect-allocated-by: T1*
// expect-stdout: 1
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void *run(void *unused)
{
    (void)unused;
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    printf("%d\n", sigismember(&now, SIGSEGV));
    fflush(stdout);
    char *volatile p = malloc(32); // <- allocated in run
    return (void *)(long)p[32]; // <- access in run
}

int main(void)
{
    pthread_attr_t attributes;
    sigset_t all;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setsigmask_np(&attributes, &all);
    pthread_create(&thread, &attributes, run, NULL); // <- created in main
    pthread_join(thread, NULL);
    return 0;
}
