// --error-exitcode for slack found at exit.
// options: --error-exitcode 42
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 0 bytes after 13-byte region
// expect-exit: 42
#include <stdlib.h>

static char *kept;

int main(void)
{
    kept = malloc(13); // <- allocated in main
    kept[13] = 'x';
    return 0;
}
