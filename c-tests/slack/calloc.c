// A calloc'ed object.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 15-byte region
#include <stdlib.h>

int main(void)
{
    char *p = calloc(3, 5); // <- allocated in main
    p[15] = 1;
    free(p); // <- called in main
    return 0;
}
