// The object is alive at the end: found at exit.
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 0 bytes after 13-byte region
// expect-note: hint: to stop at the write itself, run with --placement exact, or with --sweep to try every placement
#include <stdlib.h>

static char *kept;

int main(void)
{
    kept = malloc(13); // <- allocated in main
    kept[13] = 'x';
    return 0;
}
