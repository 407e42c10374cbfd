// Placement exact: the terminator of a string of 13 letters in 13 bytes faults in strcpy.
// options: --placement exact --check-calls=no
// expect: heap-buffer-overflow
// expect-access: WRITE of size *
// expect-place: located 0 bytes after 13-byte region
#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments)
{
    char *p = malloc(13); // <- allocated in main
    strcpy(p, "thirteen char"); // <- access in main (any frame)
    return 0;
}
