// Both stacks lie under 20 frames of recursion.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 16-byte region
#include <stdlib.h>

static char dive(int depth)
{
    if (depth == 0) {
        char *p = malloc(16); // <- allocated in dive
        return p[16]; // <- access in dive
    }
    char found = dive(depth - 1); // <- access, allocated in dive (frame 20)
    return found;
}

int main(void)
{
    return dive(20);
}
