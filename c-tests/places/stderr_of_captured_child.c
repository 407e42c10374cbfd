// A test runner captures what its tests print, and runs each in a child, which has inherited descriptor 2 as it is.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-exit: 0
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    dup2(open("/dev/null", O_WRONLY), 2);
    if (fork() == 0) {
        close(open("/dev/null", O_RDONLY));
        char *p = malloc(32); // <- allocated in main
        p[32] = 1; // <- access in main
        _exit(0);
    }
    wait(NULL);
    return 0;
}
