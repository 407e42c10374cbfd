// An aligned object at the page's start.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: WRITE of size 1
// expect-place: located 1 byte before 100-byte region
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 64, 100); // <- allocated in main
    p[-1] = 1; // <- access in main
    return 0;
}
