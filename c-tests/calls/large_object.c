// One byte too many into an object of many pages.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 100002
// expect-place: located 0 bytes after 100001-byte region
// expect-exit: SIGABRT
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(100001); // <- allocated in main
    memset(p, 0, 100002); // <- access in main
    return 0;
}
