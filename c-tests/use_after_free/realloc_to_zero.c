// glibc's realloc(p, 0) frees.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    realloc(p, 0); // <- freed in main
    return *p; // <- access in main
}
