// The slack of an object of three pages, whose pages are moved on when it is freed.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 2 bytes after 9001-byte region
#include <stdlib.h>

int main(void)
{
    free(malloc(9001));
    char *p = malloc(9001); // <- allocated in main
    p[9003] = 1;
    free(p); // <- called in main
    return 0;
}
