// A large object is freed twice.
// expect: double-free
// expect-place: located 0 bytes inside of 102400-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(102400); // <- allocated in main
    free(p); // <- freed in main
    free(p); // <- called in main
    return 0;
}
