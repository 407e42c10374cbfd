// realloc of a freed object says that there is no memory.
// expect: double-free
// expect-call: realloc
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: 1 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    void *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    errno = 0;
    void *q = realloc(p, 100); // <- called in main
    printf("%d %d\n", q == NULL, errno == ENOMEM);
    return 0;
}
