// A mapping is longer than its file.
// expect: mapping-past-eof
// expect-access: READ of size 1
// expect-place: located 8192 bytes inside of 12288-byte mapping
// expect-note: it is a private mapping of */short_file
// expect-note: the file has 5000 bytes, as when it was mapped
// expect-exit: SIGBUS
// expect-stdout: 0
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int file = open("short_file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(file, 5000) != 0)
        return 1;
    volatile char *bytes = mmap(0, 12288, PROT_READ, MAP_PRIVATE, file, 0); // <- mapped in main
    close(file);
    // The rest of its last page is there.
    printf("%d\n", bytes[8191]);
    fflush(stdout);
    return bytes[8192]; // <- access in main
}
