// An element at an offset from the result of an mmap that failed: the address is near null.
// expect: mmap-failed-pointer
// expect-access: WRITE of size 8
// expect-place: MAP_FAILED, or near it: *
// expect-note: mmap failed with EINVAL: mmap(NULL, 0, *
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile long *numbers = mmap(0, 0, PROT_READ, flags, -1, 0); // <- failed in main
    numbers[3] = 1; // <- access in main
}
