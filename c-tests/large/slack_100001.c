// The slack of a large object of odd size.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 100001-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(100001); // <- allocated in main
    p[100001] = 1;
    free(p); // <- called in main
    return 0;
}
