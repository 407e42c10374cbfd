// The second free does nothing.
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: went on
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    void *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    free(p); // <- called in main
    puts("went on");
    return 0;
}
