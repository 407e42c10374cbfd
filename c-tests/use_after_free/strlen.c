// libc reads a freed string on the program's behalf.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-sentence: strlen read 1 byte of a string*a freed 32-byte object
// expect-exit: SIGABRT
// expect-place: located * inside of 32-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(32); // <- allocated in main
    memset(p, 0, 32);
    free(p); // <- freed in main
    return (int)strlen(p); // <- access in main
}
