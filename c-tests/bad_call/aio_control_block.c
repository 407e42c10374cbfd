// A control block is freed while a thread of libc's waits for input with it. That thread would fault with all signals blocked.
// expect: bad-free
// expect-sentence: free was given an object that aio_read still uses: its control block lies at offset 0, and the operation is under way
// expect-place: located 0 bytes inside of 168-byte region
// libs: -lrt
#include <aio.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[8];

int main(void)
{
    int ends[2];
    pipe(ends);
    struct aiocb *block = calloc(1, sizeof *block); // <- allocated in main
    block->aio_fildes = ends[0];
    block->aio_buf = buffer;
    block->aio_nbytes = sizeof buffer;
    aio_read(block); // <- begun in main
    free(block); // <- called in main
    write(ends[1], "a", 1);
    sleep(1);
    return 0;
}
