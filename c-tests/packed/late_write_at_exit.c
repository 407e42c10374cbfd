// A write to a freed object that still waits at the end.
// expect: heap-use-after-free
// expect-found: at exit
// expect-place: located 39 bytes inside of 40-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    char *volatile stale = malloc(40); // <- allocated in main
    free(stale); // <- freed in main
    stale[39] = 1;
    return 0;
}
