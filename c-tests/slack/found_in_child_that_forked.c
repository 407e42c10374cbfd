// A child damages slack, and shares the page with a child of its own when it ends.
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
    int ends[2];
    if (pipe(ends) != 0)
        return 1;
    if (fork() == 0) {
        p[46] = 1;
        if (fork() == 0) {
            char byte;
            close(ends[1]);
            (void)!read(ends[0], &byte, 1);
            kill(getpid(), SIGKILL);
        }
        exit(0);
    }
    int status;
    wait(&status);
    close(ends[1]);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        puts("child died of SIGABRT");
    free(p);
    return 0;
}
