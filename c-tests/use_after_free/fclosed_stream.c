// A stream that libc allocated and freed.
// expect: heap-use-after-free
// expect-access: READ of size *
// expect-place: located * inside of *-byte region
#include <stdio.h>

int main(void)
{
    FILE *file = fopen("/dev/null", "r"); // <- allocated in main (any frame)
    fclose(file); // <- freed in main (any frame)
    return file->_fileno; // <- access in main
}
