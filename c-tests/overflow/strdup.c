// A string that libc allocated for its caller.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
#define _GNU_SOURCE
#include <string.h>

int main(void)
{
    char *copy = strdup("fifteen letters"); // <- allocated in main (frame 1)
    return copy[16]; // <- access in main
}
