// The bug is in a forked child. The parent sees it die, and goes on.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// expect-exit: 0
// expect-stdout: child died of SIGSEGV
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status;
    int *p = malloc(48); // <- allocated in main
    if (fork() == 0) {
        free(p); // <- freed in main
        _exit(*p); // <- access in main
    }
    wait(&status);
    *p = 1;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
        puts("child died of SIGSEGV");
    return 0;
}
