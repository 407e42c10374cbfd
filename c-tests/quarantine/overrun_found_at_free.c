// Canaries are checked before the junk goes in.
// expect: overwritten-slack
// expect-place: located 0 bytes after 13-byte region
// expect-found: by free here
// options: --fast
#include <stdlib.h>

int main(void)
{
    char *volatile block = malloc(13); // <- allocated in main
    block[13] = 1;
    free(block); // <- called in main
    return 0;
}
