// Placement right: a write before the object lands in slack and is found at free.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 1 byte before 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    p[-1] = 'x';
    free(p); // <- called in main
    return 0;
}
