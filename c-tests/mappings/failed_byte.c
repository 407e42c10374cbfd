// A byte at an offset from the result of an mmap that failed: the address is near null, and the code tells that it is not null.
// expect: mmap-failed-pointer
// expect-access: WRITE of size 1
// expect-place: MAP_FAILED, or near it: *
// expect-note: mmap failed with EINVAL: mmap(NULL, 0, *
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile char *bytes = mmap(0, 0, PROT_READ | PROT_WRITE, flags, -1, 0); // <- failed in main
    bytes[8] = 1; // <- access in main
}
