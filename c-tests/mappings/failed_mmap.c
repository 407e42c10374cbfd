// The result of an mmap that failed is used.
// expect: mmap-failed-pointer
// expect-access: READ of size 1
// expect-place: MAP_FAILED, or near it: *
// expect-note: mmap failed with EBADF: mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 77, 0x1000)
#include <sys/mman.h>

int main(void)
{
    volatile char *bytes = mmap(0, 4096, PROT_READ, MAP_PRIVATE, 77, 4096); // <- failed in main
    return bytes[0]; // <- access in main
}
