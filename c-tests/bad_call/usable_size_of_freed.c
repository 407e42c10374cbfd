// malloc_usable_size is asked of a freed object.
// expect: bad-malloc_usable_size
// expect-call: malloc_usable_size
// expect-place: located 0 bytes inside of 40-byte region
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p = malloc(40); // <- allocated in main
    free(p); // <- freed in main
    return malloc_usable_size(p) != 0; // <- called in main
}
