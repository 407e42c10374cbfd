// realloc finds the damage, and moves the object all the same.
// expect: overwritten-slack
// expect-found: by realloc here
// expect-place: located 0 bytes after 13-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: hello
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *volatile p = malloc(13); // <- allocated in main
    strcpy(p, "hello");
    p[13] = 'x';
    p = realloc(p, 1000); // <- called in main
    puts(p);
    free(p);
    return 0;
}
