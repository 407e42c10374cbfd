// Placement left: a write after the object lands in slack and is found at free.
// options: --placement left
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    p[48] = 'x';
    free(p); // <- called in main
    return 0;
}
