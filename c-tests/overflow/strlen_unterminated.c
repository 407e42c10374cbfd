// strlen of 16 characters without their terminator.
// expect: heap-buffer-overflow
// expect-access: READ of size 17
// expect-sentence: strlen read 17 bytes of a string in a 16-byte object
// expect-exit: SIGABRT
// expect-place: located 0 bytes after 16-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(16); // <- allocated in main
    memset(p, 'a', 16);
    return (int)strlen(p); // <- access in main
}
