// munmap of an object whose last page is not all its own: natively the rest holds other objects, and malloc's notes about them.
// expect: bad-munmap
// expect-call: munmap
// expect-place: located 0 bytes inside of 5000-byte region
// expect-sentence: munmap(0x*, 5000) unmaps memory that is not the object's: 3192 bytes behind it
#include <malloc.h>
#include <sys/mman.h>

int main(void)
{
    char *p = memalign(4096, 5000); // <- allocated in main
    munmap(p, 5000); // <- called in main
    return 0;
}
