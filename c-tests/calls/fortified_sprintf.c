// sprintf under -D_FORTIFY_SOURCE: the terminator is one too many.
// cflags: -O2 -D_FORTIFY_SOURCE=2 -fbuiltin
// expect: heap-buffer-overflow
// expect-access: WRITE of size 11
// expect-place: located 0 bytes after 10-byte region
// expect-sentence: __sprintf_chk would write 11 bytes to its s in a 10-byte object
// expect-exit: SIGABRT
#include <stdio.h>
#include <stdlib.h>

static char *volatile made;

int main(void)
{
    made = malloc(10); // <- allocated in main
    char *p = made;
    sprintf(p, "%d text", 12345); // <- access in main (any frame)
    return 0;
}
