// 10,000 other objects of the same size are alive at the write.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 0 bytes inside of 48-byte region
#include <stdlib.h>

static int *others[10000];

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    for (int i = 0; i < 10000; i++)
        others[i] = malloc(48);
    *p = 1; // <- access in main
    return 0;
}
