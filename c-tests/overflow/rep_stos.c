// `rep stosl` that fills one element too many.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 32-byte region
#include <stdlib.h>

int main(void)
{
    char *to = malloc(32); // <- allocated in main
    size_t count = 9;
    asm volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(0) : "memory"); // <- access in main
    return 0;
}
