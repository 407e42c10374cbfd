// A child of vfork that aborts says nothing, and its parent goes on.
// expect: clean
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status;
    pid_t child = vfork();
    if (child == 0)
        *(volatile int *)0 = 1;
    waitpid(child, &status, 0);
    printf("%d\n", WTERMSIG(status));
    return 0;
}
