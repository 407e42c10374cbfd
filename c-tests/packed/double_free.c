// A packed object freed twice.
// expect: double-free
// expect-place: located 0 bytes inside of 32-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    void *volatile p = malloc(32); // <- allocated in main
    free(p); // <- freed in main
    free(p); // <- called in main
    return 0;
}
