// Pages of several objects are dropped by one process_madvise (glibc 2.36; a kernel that refuses it drops nothing).
// expect: clean
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
    int self = syscall(SYS_pidfd_open, getpid(), 0), zero = open("/dev/zero", O_RDONLY);
    struct iovec ranges[4];
    for (int i = 0; i < 4; i++) {
        ranges[i].iov_len = 4096ul << i;
        ranges[i].iov_base = aligned_alloc(4096, ranges[i].iov_len);
        memset(ranges[i].iov_base, 1, ranges[i].iov_len);
    }
    ssize_t (*drop)(int, const struct iovec *, size_t, int, unsigned) = dlsym(RTLD_DEFAULT, "process_madvise");
    if (drop)
        drop(self, ranges, 4, MADV_DONTNEED, 0);
    for (int i = 0; i < 4; i++) {
        printf("%d\n", read(zero, ranges[i].iov_base, ranges[i].iov_len) == (ssize_t)ranges[i].iov_len);
        free(ranges[i].iov_base);
    }
    return 0;
}
