// A free of what is no object does nothing.
// expect: bad-free
// expect-place: located 8 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: went on
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(48); // <- allocated in main
    free(p + 8); // <- called in main
    puts("went on");
    free(p);
    return 0;
}
