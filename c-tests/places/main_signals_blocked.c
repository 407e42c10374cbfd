// The main thread blocks all signals by sigprocmask.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 16-byte region
#include <signal.h>
#include <stdlib.h>

int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    char *p = malloc(16); // <- allocated in main
    p[16] = 1; // <- access in main
    return 0;
}
