// realloc frees its argument, which was freed already.
// expect: double-free
// expect-call: realloc
// expect-place: located 0 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    p = realloc(p, 96); // <- called in main
    return p != NULL;
}
