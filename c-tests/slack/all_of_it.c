// Eight bytes after a 40-byte object: its whole slack.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 40-byte region
#include <stdlib.h>

int main(void)
{
    long *p = malloc(40); // <- allocated in main
    p[5] = 0;
    free(p); // <- called in main
    return 0;
}
