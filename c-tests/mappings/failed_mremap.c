// A member at an offset from the result of an mremap that failed.
// expect: mmap-failed-pointer
// expect-access: READ of size 8
// expect-place: MAP_FAILED, or near it: *
// expect-note: mremap failed with EINVAL: mremap(*, 4096, 1152921504606846976, MREMAP_MAYMOVE)
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>

struct header {
    char name[100];
    uint64_t length;
} __attribute__((packed));

int main(void)
{
    void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile struct header *header = mremap(page, 4096, 1ul << 60, MREMAP_MAYMOVE); // <- failed in main
    return header->length != 0; // <- access in main
}
