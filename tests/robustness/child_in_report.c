// Makes a child in the way that argv[1] names while another thread reports, until the child has ended but for at
// most argv[2] milliseconds or so; with 0, while no thread reports. The child uses memory freed before it.
#define _GNU_SOURCE
#include "../../include/fencepost.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile char *freed;
static pid_t parent;
static atomic_int reporting, go_on;
static int most_rounds;

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void report_slowly(const char *report)
{
    (void)report;
    if (getpid() != parent)
        return;
    reporting = 1;
    for (int i = 0; i < most_rounds && !go_on; i++)
        nap();
}

static void *use(void *unused)
{
    (void)unused;
    return (void *)(long)freed[1];
}

static int use_in_child(void *unused)
{
    (void)unused;
    // The guards come back with the next allocation or free.
    free(malloc(10));
    _exit(freed[0]);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    freed = malloc(32);
    free((void *)freed);
    parent = getpid();
    most_rounds = atoi(argv[2]);
    fencepost_set_report_hook(report_slowly);
    pthread_t thread;
    if (most_rounds > 0) {
        pthread_create(&thread, NULL, use, NULL);
        while (!reporting)
            nap();
    }
    int child;
    if (!strcmp(argv[1], "vfork")) {
        // As vfork(2), but that the compiler need not know.
        static char stack[1 << 16] __attribute__((aligned(16)));
        child = clone(use_in_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    } else {
        child = !strcmp(argv[1], "fork") ? fork() : (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0)
            use_in_child(NULL);
    }
    int status, ended = 0;
    for (int i = 0; i < 10000 && !ended; i++) {
        ended = waitpid(child, &status, WNOHANG) == child;
        if (!ended)
            nap();
    }
    if (!ended)
        kill(child, SIGKILL);
    printf("%s\n", ended && WIFSIGNALED(status) ? "killed" : ended ? "not caught" : "stuck");
    fflush(stdout);
    go_on = 1;
    if (most_rounds > 0)
        pthread_join(thread, NULL);
    return 0;
}
