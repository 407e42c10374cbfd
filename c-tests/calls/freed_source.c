// memcpy reads a freed object.
// expect: heap-use-after-free
// expect-access: READ of size 8
// expect-place: located 4 bytes inside of 32-byte region
// expect-sentence: memcpy would read 8 bytes of its source*a freed *-byte object
// expect-exit: SIGABRT
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char target[8];
    char *p = calloc(32, 1); // <- allocated in main
    free(p); // <- freed in main
    memcpy(target, p + 4, 8); // <- access in main
    return 0;
}
