// A loop that runs on behind the last slot of its size.
// expect: wild-access
// expect-access: READ of size 1
// expect-place: never allocated: no object is near
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    volatile char *p = malloc(4000);
    for (int i = 0; i < 10000000; i++)
        p[i]; // <- access in main
    return 0;
}
