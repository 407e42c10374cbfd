// Calls about pages of objects that the kernel refuses: nothing happens to the objects.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void tell(const char *what, int failed)
{
    printf("%s: %s\n", what, failed ? strerror(errno) : "done");
}

int main(void)
{
    char *p = aligned_alloc(4096, 5000);
    memset(p, 1, 5000);
    tell("munmap of no page's start", munmap(p + 16, 4096));
    tell("munmap of nothing", munmap(p, 0));
    tell("mprotect of no page's start", mprotect(p + 16, 4096, PROT_READ));
    tell("mprotect with wrong bits", mprotect(p, 8192, 0x40000000));
    int flags = MAP_PRIVATE | MAP_FIXED;
    tell("mmap of no file", mmap(p, 8192, PROT_READ, flags, 999, 0) == MAP_FAILED);
    tell("mmap of an odd offset", mmap(p, 8192, PROT_READ, flags | MAP_ANONYMOUS, -1, 5) == MAP_FAILED);
    tell("mremap with wrong flags", mremap(p, 8192, 16384, 64) == MAP_FAILED);
    tell("mremap to nothing", mremap(p, 8192, 0, MREMAP_MAYMOVE) == MAP_FAILED);
    tell("mremap where it is", mremap(p, 8192, 16384, 0) == MAP_FAILED);
    tell("mmap where something is",
         mmap(p, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    printf("%d\n", p[4999]);
    free(p);
    return 0;
}
