// The program writes to an object of the heap that it has made read-only itself.
// expect: SEGV
// expect-access: WRITE of size 1
// expect-place: in read-only memory

#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *p = aligned_alloc(4096, 4096);
    mprotect(p, 4096, PROT_READ);
    p[5] = 1; // <- access in main
    return 0;
}
