// A mapping is longer than its file.
// expect: BUS
// expect-access: READ of size 1
// expect-place: past the end of the mapped file (*empty*)
// expect-exit: SIGBUS

#include <fcntl.h>
#include <sys/mman.h>

int main(void)
{
    int file = open("empty", O_RDWR | O_CREAT, 0600);
    volatile char *p = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
    return p[0]; // <- access in main
}
