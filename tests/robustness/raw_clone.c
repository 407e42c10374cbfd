// A fork by the system call alone: no handler of libc runs. The child uses memory freed before it.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    volatile char *freed = malloc(32);
    free((void *)freed);
    int child = (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        free(malloc(10));
        _exit(freed[0]);
    }
    int status;
    waitpid(child, &status, 0);
    printf("%s\n", WIFSIGNALED(status) ? "killed" : "not caught");
    return 0;
}
