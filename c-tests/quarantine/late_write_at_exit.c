// The write that nobody would see before the end.
// expect: heap-use-after-free
// expect-found: at exit
// expect-place: located 39 bytes inside of 40-byte region
// options: --fast
#include <stdlib.h>

int main(void)
{
    char *volatile stale = malloc(40); // <- allocated in main
    free(stale); // <- freed in main
    stale[39] = 1;
    return 0;
}
