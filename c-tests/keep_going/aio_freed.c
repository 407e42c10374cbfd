// A run that goes on keeps the control block that was freed too early for libc's thread, which would die by it.
// expect: bad-free
// expect-sentence: free was given an object that aio_read still uses: its control block lies at offset 0, and the operation is under way
// expect-place: located 0 bytes inside of 168-byte region
// expect-stdout: abc
// expect-exit: 0
// options: --keep-going
// libs: -lrt
#include <aio.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile char buffer[8];

int main(void)
{
    int ends[2];
    pipe(ends);
    struct aiocb *block = calloc(1, sizeof *block); // <- allocated in main
    block->aio_fildes = ends[0];
    block->aio_buf = buffer;
    block->aio_nbytes = 3;
    aio_read(block); // <- begun in main
    free(block); // <- called in main
    write(ends[1], "abc", 3);
    while (!buffer[2])
        usleep(1000);
    // Another operation: libc is done with the first one by the time that this one is.
    struct aiocb *other = calloc(1, sizeof *other);
    other->aio_fildes = ends[0];
    other->aio_buf = buffer + 4;
    other->aio_nbytes = 1;
    aio_read(other);
    write(ends[1], "d", 1);
    while (aio_error(other))
        usleep(1000);
    free(other);
    puts((char *)buffer);
    return 0;
}
