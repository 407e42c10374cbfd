// Placement right: of 20 damaged bytes the nearest is the one that is named.
// options: --check-calls=no
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 100 bytes before 64-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = malloc(64); // <- allocated in main
    memset(p - 100, 'x', 20);
    free(p); // <- called in main
    return 0;
}
