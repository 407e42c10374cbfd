// memcpy is told more bytes than its source has.
// expect: heap-buffer-overflow
// expect-access: READ of size 200
// expect-sentence: memcpy would read 200 bytes of its source in a 48-byte object
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
