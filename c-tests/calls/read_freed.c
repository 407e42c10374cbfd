// A freed buffer is given to read.
// expect: heap-use-after-free
// expect-access: WRITE of size 16
// expect-place: located 0 bytes inside of 32-byte region
// expect-exit: SIGABRT
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    int fd = open("/dev/zero", O_RDONLY);
    char *p = malloc(32); // <- allocated in main
    free(p); // <- freed in main
    read(fd, p, 16); // <- access in main
    return 0;
}
