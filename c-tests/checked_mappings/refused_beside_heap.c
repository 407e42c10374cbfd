// recvfrom(2) into an object of the heap, with the length of the address in a mapping that is gone.
// options: --mappings=check
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 4
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: it was private memory without a file
// expect-note: munmap(0x*, 4096) has unmapped it
// expect-sentence: recvfrom failed with EFAULT: it would write 4 bytes to its addrlen
// expect-stdout: -1 14
// expect-exit: 0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

int main(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) || send(ends[0], "0123456789", 10, 0) != 10)
        return 1;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    socklen_t *length = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    munmap(length, 4096); // <- unmapped in main
    struct sockaddr from;
    char *buffer = malloc(20);
    int result = recvfrom(ends[1], buffer, 20, 0, &from, length); // <- access in main
    printf("%d %d\n", result, errno);
    free(buffer);
}
