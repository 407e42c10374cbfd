// A freed buffer that is given to the kernel without libc. It fails with EFAULT, and nobody says why.
// expect: clean
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

int main(void)
{
    char *volatile p = malloc(48);
    long nowhere = open("/dev/null", O_WRONLY), result = SYS_write;
    free(p);
    __asm__ volatile("syscall" : "+a"(result) : "D"(nowhere), "S"(p), "d"(48L) : "rcx", "r11", "memory");
    return 0;
}
