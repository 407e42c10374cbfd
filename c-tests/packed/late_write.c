// A write to a freed object, found when its wait ends.
// expect: heap-use-after-free
// expect-found: by a later free here
// expect-place: located 8 bytes inside of 40-byte region
// options: --memory-limit 1 --quarantine 0
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    long *volatile stale = malloc(5 * sizeof *stale); // <- allocated in main
    free(stale); // <- freed in main
    stale[1] = 1;
    for (int i = 0; i < 100; i++)
        free(malloc(40)); // <- called in main
    return 0;
}
