// A child of a child overflows an object that the first process made.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
// expect-exit: 0
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    if (fork() == 0) {
        if (fork() == 0)
            p[48] = 1; // <- access in main
        wait(NULL);
        _exit(0);
    }
    wait(NULL);
    return 0;
}
