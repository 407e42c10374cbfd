// The kernel would stop at the guard and return a short count.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 36
// expect-place: located 0 bytes after 32-byte region
// expect-exit: SIGABRT
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    pipe(ends);
    write(ends[1], "thirty-six bytes are not thirty-two.", 36);
    char *p = malloc(32); // <- allocated in main
    read(ends[0], p, 64); // <- access in main
    return 0;
}
