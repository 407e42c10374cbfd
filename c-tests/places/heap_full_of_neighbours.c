// 100,000 live neighbours: more objects than the kernel has mappings for, if each took two.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

static void *neighbours[100000];

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    for (int i = 0; i < 100000; i++)
        neighbours[i] = malloc(48);
    p[12] = 1; // <- access in main
    return 0;
}
