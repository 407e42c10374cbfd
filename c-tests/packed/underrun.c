// One byte before a packed object, found at free.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 1 byte before 24-byte region
// expect-note: hint: the object had no pages of its own: to stop at the write itself, run with a larger --memory-limit, or without --budget
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    char *p = malloc(24); // <- allocated in main
    p[-1] = 'x';
    free(p); // <- called in main
    return 0;
}
