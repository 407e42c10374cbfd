// A write behind an object that grows in its slot.
// expect: overwritten-slack
// expect-found: by realloc here
// expect-place: located 0 bytes after 20-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    char *p = malloc(20); // <- allocated in main
    p[20] = 1;
    p = realloc(p, 24); // <- called in main
    free(p);
    return 0;
}
