// msync of pages of which some are not mapped: it fails, as without us.
// options: --mappings=check
// expect: msync-unmapped
// expect-call: msync
// expect-place: located 4096 bytes inside of 8192-byte mapping
// expect-note: msync(*, 8192, …) failed with ENOMEM: nothing is mapped at *
// expect-exit: 0
#include <errno.h>
#include <sys/mman.h>

int main(void)
{
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); // <- mapped in main
    munmap(pages + 4096, 4096); // <- unmapped in main
    return msync(pages, 8192, MS_SYNC) != -1 || errno != ENOMEM; // <- called in main
}
