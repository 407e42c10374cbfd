// The buffer of getline, read at the first byte after its slack.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 8 bytes after 120-byte region
#define _GNU_SOURCE
#include <stdio.h>

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = fopen("/proc/self/comm", "r");
    getline(&line, &size, file); // <- allocated in main (any frame)
    return line[128]; // <- access in main
}
