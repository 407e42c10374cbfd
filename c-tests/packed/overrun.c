// One byte after a packed object, found at free.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 16-byte region
// expect-note: hint: the object had no pages of its own: to stop at the write itself, run with a larger --memory-limit, or without --budget
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    char *p = malloc(16); // <- allocated in main
    p[16] = 'x';
    free(p); // <- called in main
    return 0;
}
