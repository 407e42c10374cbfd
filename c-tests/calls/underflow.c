// memmove writes from one byte before an object, far from any guard.
// expect: heap-buffer-underflow
// expect-access: WRITE of size 4
// expect-place: located 1 byte before 100-byte region
// expect-sentence: memmove would write 4 bytes to its destination, 1 byte before a 100-byte object
// expect-exit: SIGABRT
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(100); // <- allocated in main
    memmove(p - 1, "abcd", 4); // <- access in main
    return 0;
}
