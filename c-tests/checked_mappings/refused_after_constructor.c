// A library has called read(2) before fencepost could stand in front of it.
// options: --mappings=check
// with-library: reads_at_start
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 10
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: it was private memory without a file
// expect-note: munmap(0x*, 4096) has unmapped it
// expect-sentence: read failed with EFAULT: it would write 10 bytes to its buf
// expect-stdout: 0 -1 14
// expect-exit: 0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int read_at_start(void);

int main(void)
{
    int ends[2];
    if (pipe(ends) || write(ends[1], "0123456789", 10) != 10)
        return 1;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    munmap(page, 4096); // <- unmapped in main
    int result = read(ends[0], page, 10); // <- access in main
    printf("%d %d %d\n", read_at_start(), result, errno);
}
