// Without a history a fault in a mapping is a crash like any other.
// options: --mappings=none
// expect: SEGV
// expect-access: READ of size 1
// expect-place: where nothing is mapped
#include <sys/mman.h>

int main(void)
{
    volatile char *pages = mmap(0, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap((void *)pages, 64 << 20);
    return pages[32 << 20]; // <- access in main
}
