// The slack of an object that realloc resized is checked for its new size.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 37-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(45);
    p = realloc(p, 37); // <- allocated in main
    p[37] = 1;
    free(p); // <- called in main
    return 0;
}
