// realloc made the object smaller, and moved it as always here; the old pointer is written through.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 0 bytes inside of 4800-byte region
#include <stdlib.h>

int main(void)
{
    int *volatile p = malloc(4800); // <- allocated in main
    int *smaller = realloc(p, 48); // <- freed in main
    *p = 1; // <- access in main
    return smaller == NULL;
}
