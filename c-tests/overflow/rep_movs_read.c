// `rep movsb` whose source ends too early.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 32-byte region
#include <stdlib.h>

int main(void)
{
    char target[64], *to = target;
    char *from = malloc(32); // <- allocated in main
    size_t count = 33;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory"); // <- access in main
    return 0;
}
