// A mapping is longer than its file. It was made by an instruction of the program's own, so nothing is known of it.
// expect: BUS
// expect-access: READ of size 1
// expect-place: past the end of the mapped file (*unseen*)
// expect-exit: SIGBUS

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void)
{
    int opened = open("unseen", O_RDWR | O_CREAT, 0600);
    register long flags __asm__("r10") = MAP_SHARED;
    register long file __asm__("r8") = opened;
    register long offset __asm__("r9") = 0;
    volatile char *p = (void *)SYS_mmap;
    __asm__ volatile("syscall"
                     : "+a"(p)
                     : "D"(0L), "S"(4096L), "d"((long)PROT_READ), "r"(flags), "r"(file), "r"(offset)
                     : "rcx", "r11", "memory");
    return p[0]; // <- access in main
}
