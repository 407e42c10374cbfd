// A list of buffers, a message or a length where nothing can be read: the kernel refuses the call with EFAULT, and
// nobody else reads there.
// expect: clean
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define REFUSED(call) (errno = 0, assert((call) == -1 && errno == EFAULT))

int main(void)
{
    int ends[2];
    assert(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    // The second of two vectors is on a page that can't be read.
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    struct iovec *torn = (struct iovec *)(pages + 4096) - 1;
    void *nothing = pages + 4096;
    char *object = malloc(16);

    struct iovec *lists[] = {torn, nothing};
    for (int i = 0; i < 2; i++) {
        REFUSED(writev(ends[0], lists[i], 2));
        REFUSED(readv(ends[1], lists[i], 2));
        struct msghdr message = {.msg_iov = lists[i], .msg_iovlen = 2};
        REFUSED(sendmsg(ends[0], &message, 0));
        REFUSED(recvmsg(ends[1], &message, MSG_DONTWAIT));
        REFUSED(process_vm_readv(getpid(), lists[i], 2, lists[i], 2, 0));
    }
    REFUSED(sendmsg(ends[0], nothing, 0));
    REFUSED(recvmsg(ends[1], nothing, MSG_DONTWAIT));
    REFUSED(sendmmsg(ends[0], nothing, 1, 0));
    REFUSED(getsockname(ends[0], (struct sockaddr *)object, nothing));
    REFUSED(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, object, nothing));
    assert(write(ends[0], "a", 1) == 1);
    REFUSED(recvfrom(ends[1], object, 16, 0, (struct sockaddr *)object, nothing));
    // Without an address nobody needs its length.
    assert(write(ends[0], "a", 1) == 1);
    assert(recvfrom(ends[1], object, 16, 0, NULL, nothing) == 1);
    free(object);
    return 0;
}
