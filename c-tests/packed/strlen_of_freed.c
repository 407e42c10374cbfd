// A string in a packed object that was freed.
// expect: heap-use-after-free
// expect-access: READ of size *
// expect-exit: SIGABRT
// expect-place: located 0 bytes inside of 30-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>
#include <string.h>

int main(void)
{
    spend();
    char *volatile p = calloc(1, 30); // <- allocated in main
    free(p); // <- freed in main
    return (int)strlen(p); // <- access in main
}
