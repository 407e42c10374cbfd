// A file is mapped over an object, and over what follows it.
// expect: bad-mmap
// expect-call: mmap
// expect-place: located 0 bytes inside of 150000-byte region
// expect-sentence: mmap(0x*, 150000, PROT_READ, MAP_PRIVATE|MAP_FIXED, *, 0x0) replaces memory that is not the object's: 1552 bytes behind it
#define _GNU_SOURCE
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int file = memfd_create("file", 0);
    if (ftruncate(file, 150000))
        return 1;
    char *p = memalign(4096, 150000); // <- allocated in main
    p = mmap(p, 150000, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0); // <- called in main
    return p == MAP_FAILED;
}
