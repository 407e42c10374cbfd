// A copy to a packed object that is too small: its bounds are exact.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 21
// expect-exit: SIGABRT
// expect-place: located 0 bytes after 20-byte region
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>
#include <string.h>

int main(void)
{
    static char source[32];
    spend();
    char *p = malloc(20); // <- allocated in main
    memcpy(p, source, 21); // <- access in main
    free(p);
    return 0;
}
