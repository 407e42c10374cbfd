// realloc moved the object; the old pointer is used.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 8 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    int *p = malloc(48); // <- allocated in main
    int *moved = realloc(p, 9000); // <- freed in main
    return p[2]; // <- access in main
}
