// A freed buffer that is given to the kernel without libc. It fails with EFAULT, and nobody says why.
// expect: clean
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char *volatile p = malloc(48);
    int nowhere = open("/dev/null", O_WRONLY);
    free(p);
    syscall(SYS_pwrite64, nowhere, p, 48, 0);
    return 0;
}
