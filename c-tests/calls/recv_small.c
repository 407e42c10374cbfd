// A datagram is longer than the buffer, whatever the program says of it.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 12
// expect-place: located 0 bytes after 10-byte region
// expect-sentence: recv would write 12 bytes to its buf in a 10-byte object
// expect-exit: SIGABRT
#include <stdlib.h>
#include <sys/socket.h>

int main(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    send(ends[1], "twelve bytes", 12, 0);
    char *p = malloc(10); // <- allocated in main
    recv(ends[0], p, 100, 0); // <- access in main
    return 0;
}
