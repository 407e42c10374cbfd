// A read of 8 bytes that begins 4 bytes before the end: its first bad byte is reported.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    return (int)*(volatile long *)(p + 44); // <- access in main
}
