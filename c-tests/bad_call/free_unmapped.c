// A page is freed that was mapped once and is no more.
// expect: bad-free
// expect-place: never allocated*
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, 4096);
    free(page); // <- called in main
    return 0;
}
