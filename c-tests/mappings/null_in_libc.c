// memcpy from null reads the last eight bytes first: an address that would be aligned from MAP_FAILED.
// expect: SEGV
// expect-access: READ of size *
// expect-place: null, or an offset from it*
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char to[16];
    char *from = mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (from == MAP_FAILED)
        from = 0;
    memcpy(to, from, 15); // <- access in main (any frame)
    return to[0];
}
