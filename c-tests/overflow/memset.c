// memset is told a size that is too large.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 200
// expect-sentence: memset would write 200 bytes to its block in a 48-byte object
// expect-exit: SIGABRT
// expect-place: located * after 48-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    memset(p, 0, 200); // <- access in main
    return 0;
}
