// read(2) into MAP_FAILED.
// options: --mappings=check
// expect: mmap-failed-pointer
// expect-access: WRITE of size 10
// expect-place: MAP_FAILED, or near it: what mmap, mremap and shmat return when they fail
// expect-note: mmap failed with EBADF: mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0x0)
// expect-sentence: read failed with EFAULT: it would write 10 bytes to its buf
// expect-stdout: -1 14
// expect-exit: 0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe(ends) || write(ends[1], "0123456789", 10) != 10)
        return 1;
    void *pages = mmap(0, 4096, PROT_READ, MAP_PRIVATE, -1, 0); // <- failed in main
    int result = read(ends[0], pages, 10); // <- access in main
    printf("%d %d\n", result, errno);
}
