// Damage found at exit does not change how the program ends.
// expect: overwritten-slack
// expect-found: at exit
// expect-place: located 0 bytes after 13-byte region
// options: --keep-going
// expect-exit: 4
// expect-stdout: the end
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(13); // <- allocated in main
    p[13] = 1;
    printf("the end\n");
    return 4;
}
