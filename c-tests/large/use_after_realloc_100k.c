// The old pointer of a large object that realloc moved.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 10 bytes inside of 102400-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(102400); // <- allocated in main
    p[10] = 1;
    char *moved = realloc(p, 10 << 20); // <- freed in main
    return p[10] + moved[10]; // <- access in main
}
