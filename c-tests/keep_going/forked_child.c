// The child of a fork goes on by itself.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
// options: --keep-going
// expect-exit: 6
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *volatile p = malloc(48); // <- allocated in main
    if (fork() == 0) {
        p[48] = 1; // <- access in main
        _exit(6);
    }
    int status;
    wait(&status);
    return WEXITSTATUS(status);
}
