// On the left every size begins at the page's first byte.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: READ of size 1
// expect-place: located 1 byte before 13-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(13); // <- allocated in main
    return p[-1]; // <- access in main
}
