// Found at realloc.
// expect: overwritten-slack
// expect-found: by realloc here
// expect-place: located 1 byte after 13-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(13); // <- allocated in main
    p[14] = 'x';
    p = realloc(p, 100); // <- called in main
    return 0;
}
