// No frame pointers, three stacks in three functions.
// cflags: -O2 -fomit-frame-pointer
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 12 bytes inside of 48-byte region
#include <stdlib.h>

__attribute__((noipa)) static int *make(void)
{
    int *p = malloc(48); // <- allocated in make
    p[3] = 3;
    return p;
}

__attribute__((noipa)) static int release(int *p)
{
    free(p); // <- freed in release
    return 0;
}

__attribute__((noipa)) static int use(int *p)
{
    return p[3]; // <- access in use
}

int main(void)
{
    int *p = make(); // <- allocated in main (frame 1)
    int sum = release(p); // <- freed in main (frame 1)
    sum += use(p); // <- access in main (frame 1)
    return sum;
}
