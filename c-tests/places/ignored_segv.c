// The program ignores SIGSEGV, which no kernel accepts for a fault of its own.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
#include <signal.h>
#include <stdlib.h>

int main(void)
{
    signal(SIGSEGV, SIG_IGN);
    char *p = malloc(16); // <- allocated in main
    return p[16]; // <- access in main
}
