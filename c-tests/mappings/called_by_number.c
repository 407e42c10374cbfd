// Mappings are made and ended by syscall(2).
// expect: mapping-use-after-unmap
// expect-access: READ of size 1
// expect-place: located 9 bytes inside of 4096-byte mapping
// expect-note: munmap(0x*, 4096) has unmapped it
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    long flags = MAP_PRIVATE | MAP_ANONYMOUS;
    long page = syscall(SYS_mmap, 0L, 4096L, (long)PROT_READ, flags, -1L, 0L); // <- mapped in main
    syscall(SYS_munmap, page, 4096L); // <- unmapped in main
    return *(volatile char *)(page + 9); // <- access in main
}
