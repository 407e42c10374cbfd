// The kernel reads and writes pages that the program has dropped, as it does natively.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char *block;

static void drop(int advice)
{
    memset(block, 1, 8192);
    if (madvise(block, 8192, advice))
        perror("madvise");
}

int main(void)
{
    int zero = open("/dev/zero", O_RDONLY), ends[2];
    if (pipe(ends) || posix_memalign((void **)&block, 4096, 8192))
        return 1;
    drop(MADV_DONTNEED);
    printf("read %zd\n", read(zero, block, 100));
    drop(MADV_DONTNEED);
    printf("write %zd\n", write(ends[1], block + 4096, 100));
    drop(MADV_FREE);
    printf("getrandom %ld\n", syscall(SYS_getrandom, block, 8, 0));
    drop(MADV_DONTNEED);
    printf("pipe %d\n", pipe((int *)block));
    drop(MADV_DONTNEED);
    printf("fstat %d\n", fstat(zero, (struct stat *)block));
    drop(MADV_DONTNEED);
    struct iovec part = {block + 4000, 200};
    printf("readv %zd\n", readv(zero, &part, 1));
    free(block);
    return 0;
}
