// A system call made by number that writes to a buffer.
// expect: heap-use-after-free
// expect-access: WRITE of size 8
// expect-place: located 8 bytes inside of 16-byte region
// expect-sentence: syscall would * 8 bytes * a freed *-byte object
// expect-exit: SIGABRT
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(16); // <- allocated in main
    free(p); // <- freed in main
    syscall(SYS_read, 0, p + 8, 8L); // <- access in main
    return 0;
}
