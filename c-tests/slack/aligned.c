// The slack of an object aligned to 256.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 100 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 256, 48); // <- allocated in main
    p[148] = 1;
    free(p); // <- called in main
    return 0;
}
