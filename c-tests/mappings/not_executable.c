// Data are executed.
// expect: mapping-protection
// expect-access: EXECUTE
// expect-place: located 16 bytes inside of 4096-byte mapping
// expect-note: the page must not be executed: by mmap(NULL, 4096, PROT_READ|PROT_WRITE, *)
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    memset(page, 0xc3, 4096);
    ((void (*)(void))(page + 16))(); // <- access in main (frame 1)
}
