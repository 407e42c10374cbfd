// The program ends by exit() from a function, with the object alive.
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 2 bytes after 5-byte region
#include <stdlib.h>

static char *kept;

static void finish(void)
{
    exit(0);
}

int main(void)
{
    kept = malloc(5); // <- allocated in main
    kept[7] = 'x';
    finish();
}
