// A file is opened as a stream to be written while it is mapped.
// expect: mapping-past-eof
// expect-access: READ of size 1
// expect-place: located 100 bytes inside of 4096-byte mapping
// expect-note: the file has 0 bytes; when it was mapped it had 4096 bytes
// expect-note: fopen(*, "w") has cut it
// expect-exit: SIGBUS
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int file = open("stream_to_file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(file, 4096) != 0)
        return 1;
    volatile char *bytes = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0); // <- mapped in main
    if (fileno(fopen("stream_to_file", "w")) < 0) // <- truncated in main
        return 1;
    return bytes[100]; // <- access in main
}
