// read(2) into a mapping that is gone fails with EFAULT. The program goes on, and sees that.
// options: --mappings=check
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 10
// expect-place: located 96 bytes inside of 8192-byte mapping
// expect-note: it was private memory without a file
// expect-note: munmap(0x*, 8192) has unmapped it
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
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    munmap(pages, 8192); // <- unmapped in main
    int result = read(ends[0], pages + 96, 10); // <- access in main
    printf("%d %d\n", result, errno);
}
