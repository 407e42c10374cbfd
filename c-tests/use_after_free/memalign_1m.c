// An object aligned to 1 MiB, read after its free.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 999 bytes inside of 1000-byte region
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p = memalign(1 << 20, 1000); // <- allocated in main
    free(p); // <- freed in main
    return p[999]; // <- access in main
}
