// The pointer just past the end is freed.
// expect: bad-free
// expect-place: * 0 bytes after 32-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(32); // <- allocated in main
    free(p + 32); // <- called in main
    return 0;
}
