// The byte before an object of 100 KB.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: READ of size 1
// expect-place: located 1 byte before 102400-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(102400); // <- allocated in main
    return p[-1]; // <- access in main
}
