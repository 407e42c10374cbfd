// A mapping is laid over an object that was freed, whose place malloc natively gives to others.
// expect: bad-mmap
// expect-call: mmap
// expect-place: located 0 bytes inside of 8192-byte region
// expect-sentence: mmap(0x*, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0x0) replaces memory of an object that was freed
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *p = aligned_alloc(4096, 8192); // <- allocated in main
    free(p); // <- freed in main
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    p = mmap(p, 8192, PROT_READ | PROT_WRITE, flags, -1, 0); // <- called in main
    return p == MAP_FAILED;
}
