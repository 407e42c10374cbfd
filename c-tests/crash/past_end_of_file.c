// A mapping is longer than its file, which is empty.
// expect: mapping-past-eof
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: it is a shared mapping of */empty
// expect-note: the file has 0 bytes, as when it was mapped
// expect-exit: SIGBUS

#include <fcntl.h>
#include <sys/mman.h>

int main(void)
{
    int file = open("empty", O_RDWR | O_CREAT, 0600);
    volatile char *p = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0); // <- mapped in main
    return p[0]; // <- access in main
}
