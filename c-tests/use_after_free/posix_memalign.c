// An object aligned to 1 KiB, written after its free.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 4 bytes inside of 100-byte region
#include <stdlib.h>

int main(void)
{
    int *p;
    posix_memalign((void **)&p, 1024, 100); // <- allocated in main
    free(p); // <- freed in main
    p[1] = 1; // <- access in main
    return 0;
}
