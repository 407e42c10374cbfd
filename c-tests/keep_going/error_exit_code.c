// With error-exitcode the run goes on, and ends with that code; nothing printed is lost.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 5 bytes inside of 48-byte region
// options: --keep-going --error-exitcode 9
// expect-exit: 9
// expect-stdout: went on
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    p[5] = 1; // <- access in main
    printf("went on"); // in the stream's buffer
    return 0;
}
