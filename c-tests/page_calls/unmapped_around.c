// munmap of the pages around an object that does not begin with one, by number.
// expect: bad-munmap
// expect-call: munmap
// expect-place: * bytes before 5008-byte region
// expect-sentence: munmap(0x*, 8192) unmaps memory that is not the object's: * bytes before it*
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(5008); // <- allocated in main
    uintptr_t page = (uintptr_t)p & -4096ul;
    syscall(SYS_munmap, page, 8192ul); // <- called in main
    return 0;
}
