// mremap moves away more than the object.
// expect: bad-mremap
// expect-call: mremap
// expect-place: located 4096 bytes inside of 10000-byte region
// expect-sentence: mremap(0x*, 8192, 65536, MREMAP_MAYMOVE) moves away memory that is not the object's: 2288 bytes behind it
#define _GNU_SOURCE
#include <malloc.h>
#include <sys/mman.h>

int main(void)
{
    char *p = memalign(4096, 10000); // <- allocated in main
    p = mremap(p + 4096, 8192, 65536, MREMAP_MAYMOVE); // <- called in main
    return p == MAP_FAILED;
}
