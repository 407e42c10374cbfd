// A free of an address inside of a packed object.
// expect: bad-free
// expect-place: located 8 bytes inside of 48-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    char *volatile p = malloc(48); // <- allocated in main
    free(p + 8); // <- called in main
    return 0;
}
