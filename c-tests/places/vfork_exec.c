// The bug is in the program that a child of vfork executes.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-exit: 0
// expect-stdout: child died of SIGSEGV
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    int status;
    if (count > 1) {
        char *p = malloc(32); // <- allocated in main
        p[32] = 1; // <- access in main
    }
    pid_t child = vfork();
    if (child == 0) {
        execl("/proc/self/exe", arguments[0], "child", NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
        puts("child died of SIGSEGV");
    return 0;
}
