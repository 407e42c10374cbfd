// A packed object from new, passed to free.
// expect: alloc-dealloc-mismatch
// expect-place: located 0 bytes inside of 24-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main()
{
    spend();
    char *p = new char[24]; // <- allocated in main (any frame)
    free(p); // <- called in main
    return 0;
}
