// `rep movsq` whose target ends too early.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 8
// expect-place: located 0 bytes after 32-byte region
#include <stdlib.h>

int main(void)
{
    char source[64], *from = source;
    char *to = malloc(32); // <- allocated in main
    size_t count = 5;
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory"); // <- access in main
    return 0;
}
