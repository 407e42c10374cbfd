// munmap of an object that was freed.
// expect: bad-munmap
// expect-call: munmap
// expect-place: located 0 bytes inside of 200000-byte region
// expect-sentence: munmap(0x*, 200000) unmaps memory of an object that was freed
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

static void release(char *p)
{
    free(p); // <- freed in release
}

int main(void)
{
    char *p = memalign(4096, 200000); // <- allocated in main
    release(p);
    munmap(p, 200000); // <- called in main
    return 0;
}
