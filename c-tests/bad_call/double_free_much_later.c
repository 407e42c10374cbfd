// 10,000 objects come and go between the two frees.
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
#include <stdlib.h>

static void release(char *p)
{
    free(p); // <- freed, called in release
}

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    release(p); // <- freed in main (frame 1)
    for (int i = 0; i < 10000; i++)
        free(malloc(48));
    release(p); // <- called in main (frame 1)
    return 0;
}
