// A page of mmap is freed.
// expect: bad-free
// expect-place: never allocated*
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(page + 64); // <- called in main
    return 0;
}
