// memcpy is told more bytes than its source has.
// expect: heap-buffer-overflow
// expect-access: READ of size 200
// expect-note: in a call of memcpy: source of 200 bytes, 48 in bounds
// expect-exit: SIGABRT
// expect-place: located * after 48-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char target[256];
    char *p = malloc(48); // <- allocated in main
    memcpy(target, p, 200); // <- access in main
    return 0;
}
