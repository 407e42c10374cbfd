// Placement right: a write before the object lands in slack and is found at free.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 1 byte before 48-byte region
// expect-note: hint: to stop at the write itself, run with --placement left, or with --sweep to try every placement
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    p[-1] = 'x';
    free(p); // <- called in main
    return 0;
}
