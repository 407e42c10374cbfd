// Objects that a program has registered with its own userfaultfd are guarded once they are freed.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 0 bytes inside of 8192-byte region
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
    struct uffdio_api api = {.api = UFFD_API};
    ioctl(uffd, UFFDIO_API, &api);
    char *block = aligned_alloc(4096, 8192); // <- allocated in main
    memset(block, 1, 8192);
    struct uffdio_register range = {.range = {(unsigned long)block, 8192}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    ioctl(uffd, UFFDIO_REGISTER, &range);
    free(block); // <- freed in main
    ((volatile char *)block)[0] = 1; // <- access in main
    return 0;
}
