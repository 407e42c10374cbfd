// The buffer of an operation under way is freed, and what comes would be lost.
// expect: bad-free
// expect-sentence: operator delete was given an object that aio_read still uses: its buffer lies at offset 0, and the operation is under way
// expect-call: operator delete
// expect-place: located 0 bytes inside of 20-byte region
// libs: -lrt -lstdc++
#include <aio.h>
#include <stdlib.h>
#include <unistd.h>

void *_Znwm(size_t);
void _ZdlPv(void *);

static struct aiocb block;

int main(void)
{
    int ends[2];
    pipe(ends);
    block.aio_fildes = ends[0];
    block.aio_buf = _Znwm(20); // <- allocated in main
    block.aio_nbytes = 20;
    aio_read(&block); // <- begun in main
    _ZdlPv((void *)block.aio_buf); // <- called in main
    return 0;
}
