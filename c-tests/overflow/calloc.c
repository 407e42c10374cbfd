// One element after a calloc'ed array.
// expect: heap-buffer-overflow
// expect-access: READ of size 4
// expect-place: located 0 bytes after 80-byte region
#include <stdlib.h>

int main(void)
{
    int *p = calloc(20, sizeof(int)); // <- allocated in main
    return p[20]; // <- access in main
}
