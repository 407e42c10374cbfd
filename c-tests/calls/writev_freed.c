// One buffer of a writev has been freed.
// expect: heap-use-after-free
// expect-access: READ of size 5
// expect-place: located 0 bytes inside of 5-byte region
// expect-exit: SIGABRT
#include <stdlib.h>
#include <sys/uio.h>

int main(void)
{
    char *second = malloc(5); // <- allocated in main
    free(second); // <- freed in main
    struct iovec buffers[2] = {{"text", 4}, {second, 5}};
    writev(1, buffers, 2); // <- access in main
    return 0;
}
