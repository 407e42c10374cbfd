// write(2) of pages that a guard of the program's own begins in the midst of.
// options: --mappings=check
// expect: mapping-protection
// expect-access: READ of size 200
// expect-place: located 4096 bytes inside of 8192-byte mapping
// expect-note: it is private memory without a file
// expect-note: the page must not be accessed: by mprotect(0x*, 4096, PROT_NONE)
// expect-sentence: write failed with EFAULT: it would read 200 bytes of its buf
// expect-stdout: -1 14
// expect-exit: 0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe(ends))
        return 1;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, flags, -1, 0); // <- mapped in main
    mprotect(pages + 4096, 4096, PROT_NONE); // <- protected in main
    int result = write(ends[1], pages + 4000, 200); // <- access in main
    printf("%d %d\n", result, errno);
}
