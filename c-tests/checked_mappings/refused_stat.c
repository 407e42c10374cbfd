// stat(2) fills a structure in a mapping that is read-only.
// options: --mappings=check
// expect: mapping-protection
// expect-access: WRITE of size 144
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: it is shared memory without a file
// expect-note: the page is read-only: by mmap(NULL, 4096, PROT_READ, MAP_SHARED|MAP_ANONYMOUS, -1, 0x0)
// expect-sentence: stat failed with EFAULT: it would write 144 bytes to its statbuf
// expect-stdout: -1 14
// expect-exit: 0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(void)
{
    struct stat *status = mmap(0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0); // <- mapped in main
    int result = stat("/", status); // <- access in main
    printf("%d %d\n", result, errno);
}
