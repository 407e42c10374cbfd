// The second buffer of a readv is shorter than its length.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 6
// expect-place: located 0 bytes after 5-byte region
// expect-exit: SIGABRT
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    pipe(ends);
    write(ends[1], "ten bytes.", 10);
    char first[4];
    char *second = malloc(5); // <- allocated in main
    struct iovec buffers[2] = {{first, 4}, {second, 8}};
    readv(ends[0], buffers, 2); // <- access in main
    return 0;
}
