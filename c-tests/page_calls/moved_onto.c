// mremap moves a mapping onto an object, and onto what follows that.
// expect: bad-mremap
// expect-call: mremap
// expect-place: located 0 bytes inside of 4096-byte region
// expect-sentence: mremap(0x*, 8192, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x*) replaces memory that is not the object's: 4096 bytes behind it*
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *p = aligned_alloc(4096, 4096); // <- allocated in main
    char *m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m = mremap(m, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, p); // <- called in main
    return m == MAP_FAILED;
}
