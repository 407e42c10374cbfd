// A file that was opened for reading is mapped, and written to.
// expect: mapping-protection
// expect-access: WRITE of size 1
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: it is a shared mapping of /etc/passwd
// expect-note: the page is read-only: by mmap(NULL, 100, PROT_READ, MAP_SHARED, *, 0x0)
// expect-note: the file was opened for reading only
#include <fcntl.h>
#include <sys/mman.h>

int main(void)
{
    int file = open("/etc/passwd", O_RDONLY);
    volatile char *bytes = mmap(0, 100, PROT_READ, MAP_SHARED, file, 0); // <- mapped in main
    bytes[0] = 1; // <- access in main
}
