// Makes children in the way that argv[1] names, one after the other, while another thread makes its report; each uses
// memory freed before it. Whatever the other thread was at, they end.
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
#include <unistd.h>

enum { CHILDREN = 40 };

static volatile char *freed;
static pid_t parent;
static atomic_int reports, go_on;

// The process that reports ends when the report does.
static void hold(const char *report)
{
    (void)report;
    for (int i = 0; i < 50000 && getpid() == parent && !go_on; i++)
        usleep(1000);
}

static void *use(void *unused)
{
    (void)unused;
    reports = 1;
    return (void *)(long)freed[1];
}

int main(int argc, char **argv)
{
    int by_fork = argc > 1 && !strcmp(argv[1], "fork");
    freed = malloc(32);
    free((void *)freed);
    parent = getpid();
    fencepost_set_report_hook(hold);
    pthread_t thread;
    pthread_create(&thread, NULL, use, NULL);
    while (!reports)
        ;
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        usleep(500);
        children[i] = by_fork ? fork() : (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (children[i] == 0) {
            // The guards of a clone come back with its next allocation or free.
            free(malloc(10));
            _exit(freed[0]);
        }
    }
    int killed = 0, ended = 0, status;
    for (int i = 0; i < 30000 && ended < CHILDREN; i++) {
        while (waitpid(-1, &status, WNOHANG) > 0) {
            ended++;
            killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
        }
        usleep(1000);
    }
    printf("%d ended, %d by SIGSEGV\n", ended, killed);
    fflush(stdout);
    if (ended < CHILDREN)
        for (int i = 0; i < CHILDREN; i++)
            kill(children[i], SIGKILL);
    go_on = 1;
    pthread_join(thread, NULL);
    return 0;
}
