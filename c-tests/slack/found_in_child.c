// A child damages the slack of an object of its parent's, which finds its own copy unharmed.
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 1 byte after 45-byte region
// expect-exit: 0
// expect-stdout: child died of SIGABRT
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(45); // <- allocated in main
    char *others[100];
    for (int i = 0; i < 100; i++)
        others[i] = malloc(45);
    fflush(stdout);
    if (fork() == 0) {
        p[46] = 1;
        exit(0);
    }
    int status;
    wait(&status);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        puts("child died of SIGABRT");
    for (int i = 0; i < 100; i++)
        free(others[i]);
    free(p);
    return 0;
}
