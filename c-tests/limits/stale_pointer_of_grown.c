// Not found: a stale pointer to a buffer that was grown many times, and lies where it lay at the last step; and a
// read behind such a buffer in its last page.
// expect: clean

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *p = NULL;
    for (size_t n = 1; n <= 20000; n++)
        p = realloc(p, n);
    char *stale = p;
    p = realloc(p, 20001);
    ((volatile char *)stale)[0] = 1;
    char behind = ((volatile char *)p)[20003];
    (void)behind;
    free(p);
    puts("done");
    return 0;
}
