// munmap with a length that is too small leaves the rest for good.
// options: --mappings=check --error-exitcode=9
// expect: munmap-too-little
// expect-found: at exit
// expect-place: located 20480 bytes inside of 32768-byte mapping
// expect-note: munmap(*, 20480) has unmapped its beginning; the other 12288 bytes are mapped to the end
// expect-exit: 9
#include <stdint.h>
#include <sys/mman.h>

int main(void)
{
    char *pages;
    // What is left must not look as if it were cut to an alignment.
    do
        pages = mmap(0, 32768, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in main
    while ((uintptr_t)(pages + 20480) % 65536 == 0);
    munmap(pages, 20480); // <- unmapped in main
}
