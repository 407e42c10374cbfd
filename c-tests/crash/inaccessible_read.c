// The program reads memory that it has made inaccessible itself.
// expect: mapping-protection
// expect-access: READ of size 1
// expect-place: located 100 bytes inside of 65536-byte mapping
// expect-note: the page must not be accessed: by mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x0)

#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile char *p = mmap(0, 65536, PROT_NONE, flags, -1, 0); // <- mapped in main
    return p[100]; // <- access in main
}
