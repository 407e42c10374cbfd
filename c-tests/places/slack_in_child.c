// A forked child writes into the slack on the last page of its parent's object, and ends.
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 0 bytes after 9001-byte region
// expect-exit: 0
// expect-stdout: child died of SIGABRT
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status;
    char *p = malloc(9001); // <- allocated in main
    if (fork() == 0) {
        p[9001] = 'x';
        exit(0);
    }
    wait(&status);
    free(p);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        puts("child died of SIGABRT");
    return 0;
}
