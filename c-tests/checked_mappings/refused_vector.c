// The second buffer of readv(2) goes on behind the end of a mapping.
// options: --mappings=check
// expect: mapping-overflow
// expect-access: WRITE of size 10
// expect-place: located 0 bytes after 4096-byte mapping
// expect-note: it is private memory without a file
// expect-sentence: readv failed with EFAULT: it would write 10 bytes to its iov_base
// expect-stdout: -1 14
// expect-exit: 0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

int main(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) || send(ends[0], "0123456789", 10, 0) != 10)
        return 1;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    char *page = mmap((void *)0x200000000, 4096, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    if (page == MAP_FAILED)
        return 77;
    char first[4];
    struct iovec buffers[] = {{first, sizeof first}, {page + 4092, 10}};
    int result = readv(ends[1], buffers, 2); // <- access in main
    printf("%d %d\n", result, errno);
}
