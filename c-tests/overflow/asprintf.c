// A string that libc allocated for its caller, several frames down.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
#define _GNU_SOURCE
#include <stdio.h>

int main(void)
{
    char *text;
    asprintf(&text, "%s-%d", "formatted", 12345); // <- allocated in main (any frame)
    return text[16]; // <- access in main
}
