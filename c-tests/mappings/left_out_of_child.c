// MADV_DONTFORK keeps a mapping from a child, which uses it all the same.
// expect: mapping-use-after-unmap
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: children of fork do not get it, and this process is one: by madvise(0x*, 4096, MADV_DONTFORK)
// expect-exit: 11
#define _DEFAULT_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile char *page = mmap(0, 4096, PROT_READ, flags, -1, 0); // <- mapped in main
    madvise((char *)page, 4096, MADV_DONTFORK); // <- protected in main
    if (fork() == 0)
        return page[0]; // <- access in main
    int status;
    wait(&status);
    return WTERMSIG(status);
}
