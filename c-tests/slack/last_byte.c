// The last byte of slack before the guard.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 14 bytes after 17-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(17); // <- allocated in main
    p[31] = 'x';
    free(p); // <- called in main
    return 0;
}
