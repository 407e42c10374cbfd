// A system call made by number.
// expect: heap-use-after-free
// expect-access: READ of size 48
// expect-place: located 0 bytes inside of 48-byte region
// expect-sentence: syscall would * 48 bytes * a freed *-byte object
// expect-exit: SIGABRT
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int nowhere = open("/dev/null", O_WRONLY);
    char *p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    syscall(SYS_pwrite64, nowhere, p, 48, 0); // <- access in main
    return 0;
}
