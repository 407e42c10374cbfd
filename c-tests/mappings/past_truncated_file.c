// A file is cut while it is mapped, by way of another descriptor.
// expect: mapping-past-eof
// expect-access: WRITE of size 1
// expect-place: located 4100 bytes inside of 8192-byte mapping
// expect-note: the file has 100 bytes; when it was mapped it had 8192 bytes
// expect-note: ftruncate(*, 100) has cut it
// expect-exit: SIGBUS
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int file = open("truncated_file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(file, 8192) != 0)
        return 1;
    int rights = PROT_READ | PROT_WRITE;
    volatile char *bytes = mmap(0, 8192, rights, MAP_SHARED, file, 0); // <- mapped in main
    close(file);
    int again = open("truncated_file", O_RDWR);
    if (ftruncate(again, 100) != 0) // <- truncated in main
        return 1;
    bytes[4100] = 1; // <- access in main
}
