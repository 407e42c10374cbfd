// A file is opened with O_TRUNC while it is mapped, by a path in a folder.
// expect: mapping-past-eof
// expect-access: READ of size 1
// expect-place: located 100 bytes inside of 4096-byte mapping
// expect-note: the file has 0 bytes; when it was mapped it had 4096 bytes
// expect-note: openat(*, O_TRUNC) has cut it
// expect-exit: SIGBUS
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int file = open("opened_in_folder", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(file, 4096) != 0)
        return 1;
    volatile char *bytes = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0); // <- mapped in main
    if (openat(open(".", O_PATH), "opened_in_folder", O_WRONLY | O_TRUNC) < 0) // <- truncated in main
        return 1;
    return bytes[100]; // <- access in main
}
