// A locked exchange right after the object.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 8
// expect-place: located 0 bytes after 16-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(16); // <- allocated in main
    return (int)__atomic_exchange_n(p + 2, 7, __ATOMIC_SEQ_CST); // <- access in main
}
