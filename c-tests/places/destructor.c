// A destructor runs after main.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
#include <stdlib.h>

static volatile char *p;

__attribute__((destructor)) static void finish(void)
{
    p[16]; // <- access in finish
}

int main(void)
{
    p = malloc(16); // <- allocated in main
    return 0;
}
