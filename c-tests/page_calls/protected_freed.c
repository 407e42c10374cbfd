// mprotect that takes access from an object that was freed.
// expect: bad-mprotect
// expect-call: mprotect
// expect-place: located 0 bytes inside of 4096-byte region
// expect-sentence: mprotect(0x*, 4096, PROT_NONE) takes access from memory of an object that was freed
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *p = aligned_alloc(4096, 4096); // <- allocated in main
    free(p); // <- freed in main
    mprotect(p, 4096, PROT_NONE); // <- called in main
    return 0;
}
