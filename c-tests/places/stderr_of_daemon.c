// A daemon closes standard error, which a pipe's reader may wait for: the report goes to $TMPDIR.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-report-in: fallback
// expect-exit: 0
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (fork() == 0) {
        close(2);
        char *p = malloc(32); // <- allocated in main
        p[32] = 1; // <- access in main
        _exit(0);
    }
    wait(NULL);
    return 0;
}
