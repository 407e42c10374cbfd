// One byte after a 13-byte object, found at free.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 13-byte region
// expect-note: hint: to stop at the write itself, run with --placement exact, or with --sweep to try every placement
#include <stdlib.h>

int main(void)
{
    char *p = malloc(13); // <- allocated in main
    p[13] = 'x';
    free(p); // <- called in main
    return 0;
}
