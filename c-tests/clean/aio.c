// Asynchronous input and output as it should be: control blocks and buffers stay until libc is done, whether the program
// asks for that, is told, or waits. Afterwards their memory may hold anything.
// expect: clean
// libs: -lrt
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t told;

static void tell(union sigval value)
{
    sem_post(&told);
}

static struct aiocb *block_of(int fd, size_t bytes)
{
    struct aiocb *block = calloc(1, sizeof *block);
    block->aio_fildes = fd;
    block->aio_buf = calloc(1, bytes);
    block->aio_nbytes = bytes;
    return block;
}

static void end(struct aiocb *block)
{
    free((void *)block->aio_buf);
    free(block);
}

static void wait_for(struct aiocb *block)
{
    const struct aiocb *list[] = {block};
    while (aio_error(block) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
}

int main(void)
{
    int ends[2];
    pipe(ends);
    sem_init(&told, 0, 0);
    FILE *file = tmpfile();

    for (int i = 0; i < 50; i++) {
        struct aiocb *block = block_of(fileno(file), 100);
        aio_write(block);
        wait_for(block);
        if (aio_return(block) != 100)
            puts("not written");
        aio_fsync(O_SYNC, block);
        wait_for(block);
        end(block);
    }

    // It is told, and never asks; the memory then holds what an operation under way would.
    for (int i = 0; i < 50; i++) {
        struct aiocb *block = block_of(fileno(file), 100);
        block->aio_sigevent.sigev_notify = SIGEV_THREAD;
        block->aio_sigevent.sigev_notify_function = tell;
        aio_read(block);
        sem_wait(&told);
        free((void *)block->aio_buf);
        for (size_t at = 0; at < sizeof *block / sizeof(int); at++)
            ((int *)block)[at] = EINPROGRESS;
        free(block);
    }

    // It waits for all at once, in an array that has moved before.
    struct aiocb *blocks = calloc(2, sizeof *blocks);
    blocks = realloc(blocks, 8 * sizeof *blocks);
    memset(blocks, 0, 8 * sizeof *blocks);
    struct aiocb *list[8];
    for (int i = 0; i < 8; i++) {
        list[i] = &blocks[i];
        blocks[i].aio_fildes = fileno(file);
        blocks[i].aio_buf = malloc(10);
        memset((void *)blocks[i].aio_buf, 0, 10);
        blocks[i].aio_nbytes = 10;
        blocks[i].aio_lio_opcode = i % 2 ? LIO_READ : LIO_WRITE;
    }
    printf("%d\n", lio_listio(LIO_WAIT, list, 8, NULL));
    for (int i = 0; i < 8; i++)
        free((void *)blocks[i].aio_buf);
    blocks = realloc(blocks, 100 * sizeof *blocks);
    free(blocks);

    // One that is refused, and one that is under way in the parent: its child has no thread of libc's.
    struct aiocb *block = block_of(ends[0], 10);
    block->aio_reqprio = -1;
    int refused = aio_read(block);
    printf("%d %d\n", refused, errno == EINVAL);
    block->aio_reqprio = 0;
    aio_read(block);
    fflush(stdout);
    if (fork() == 0) {
        end(block);
        _exit(0);
    }
    wait(NULL);
    write(ends[1], "0123456789", 10);
    wait_for(block);
    printf("%.10s\n", (char *)block->aio_buf);
    end(block);
    return 0;
}
