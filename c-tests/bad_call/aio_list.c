// An array of control blocks grows while libc still works with the second of them: it may move.
// expect: bad-free
// expect-sentence: realloc was given an object that lio_listio still uses: its control block lies at offset 168, and the operation is under way
// expect-call: realloc
// expect-place: located 0 bytes inside of 336-byte region
// libs: -lrt
#include <aio.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static char buffers[2][8];

int main(void)
{
    int ends[2][2];
    struct aiocb *blocks = calloc(2, sizeof *blocks); // <- allocated in main
    struct aiocb *list[] = {&blocks[0], NULL, &blocks[1]};
    for (int i = 0; i < 2; i++) {
        pipe(ends[i]);
        blocks[i].aio_fildes = ends[i][0];
        blocks[i].aio_buf = buffers[i];
        blocks[i].aio_nbytes = 8;
        blocks[i].aio_lio_opcode = LIO_READ;
    }
    lio_listio(LIO_NOWAIT, list, 3, NULL); // <- begun in main
    write(ends[0][1], "a", 1);
    while (aio_error(&blocks[0]) == EINPROGRESS)
        usleep(1000);
    blocks = realloc(blocks, 3 * sizeof *blocks); // <- called in main
    return 0;
}
