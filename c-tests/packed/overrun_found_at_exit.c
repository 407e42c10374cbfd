// A write behind an object that is never freed.
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 4 bytes after 40-byte region
// expect-note: hint: the object had no pages of its own: to stop at the write itself, run with a larger --memory-limit, or without --budget
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    int *p = malloc(10 * sizeof *p); // <- allocated in main
    p[11] = 1;
    return 0;
}
