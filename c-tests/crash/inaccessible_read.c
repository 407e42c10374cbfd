// The program reads memory that it has made inaccessible itself.
// expect: SEGV
// expect-access: READ of size 1
// expect-place: in memory without access rights

#include <sys/mman.h>

int main(void)
{
    volatile char *p = mmap(0, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p[100]; // <- access in main
}
