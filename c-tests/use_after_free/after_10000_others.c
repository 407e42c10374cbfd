// 10,000 other objects come and go between the free and the read.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 4 bytes inside of 48-byte region
#include <stdlib.h>

static int *make(void)
{
    return malloc(48); // <- allocated in make
}

static void release(int *p)
{
    free(p); // <- freed in release
}

int main(void)
{
    int *p = make(); // <- allocated in main (frame 1)
    release(p); // <- freed in main (frame 1)
    for (int i = 0; i < 10000; i++)
        free(malloc(48));
    return p[1]; // <- access in main
}
