// Descriptor 2 is /dev/null at the bug, as in test runners that capture what tests print: the report goes to the
// standard error of the start.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    dup2(open("/dev/null", O_WRONLY), 2);
    char *p = malloc(32); // <- allocated in main
    p[32] = 1; // <- access in main
    return 0;
}
