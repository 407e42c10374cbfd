// The program's alternate stack is as small as may be; the report needs more and gets it.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static char stack[65536];

int main(void)
{
    // The kernel takes no less than the constant of old, though some processors need less.
    long bytes = sysconf(_SC_MINSIGSTKSZ);
    stack_t alternate = {.ss_sp = stack, .ss_size = bytes < 2048 ? 2048 : bytes};
    if (sigaltstack(&alternate, NULL))
        return 1;
    char *p = malloc(16); // <- allocated in main
    return p[16]; // <- access in main
}
