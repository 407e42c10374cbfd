// malloc_usable_size is asked of a pointer into an object.
// expect: bad-malloc_usable_size
// expect-call: malloc_usable_size
// expect-place: located 4 bytes inside of 40-byte region
#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *p = malloc(40); // <- allocated in main
    return malloc_usable_size(p + 4) != 0; // <- called in main
}
