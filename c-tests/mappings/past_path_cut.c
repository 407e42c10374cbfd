// A file is cut while it is mapped, by its path.
// expect: mapping-past-eof
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: the file has 0 bytes; when it was mapped it had 4096 bytes
// expect-note: truncate(*, 0) has cut it
// expect-exit: SIGBUS
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int file = open("cut_by_path", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (truncate("cut_by_path", 4096) != 0)
        return 1;
    volatile char *bytes = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0); // <- mapped in main
    if (truncate("cut_by_path", 0) != 0) // <- truncated in main
        return 1;
    return bytes[0]; // <- access in main
}
