// libc frees a stream twice; its own reads of it come first.
// expect: heap-use-after-free
// expect-access: * of size *
// expect-place: located * inside of *-byte region
#include <stdio.h>

int main(void)
{
    FILE *file = fopen("/dev/null", "r"); // <- allocated in main (any frame)
    fclose(file); // <- freed in main (any frame)
    fclose(file); // <- access in main (any frame)
    return 0;
}
