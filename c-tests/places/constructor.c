// A constructor runs before main.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 4 bytes inside of 24-byte region
#include <stdlib.h>

__attribute__((constructor)) static void prepare(void)
{
    int *p = malloc(24); // <- allocated in prepare
    free(p); // <- freed in prepare
    p[1] = 1; // <- access in prepare
}

int main(void)
{
    return 0;
}
