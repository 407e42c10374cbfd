// Closes every descriptor in the way that argv[1] names, then uses freed memory.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char *freed = malloc(32);
    free(freed);
    if (!strcmp(argv[1], "close"))
        for (int fd = 3; fd < 5000; fd++)
            close(fd);
    else if (!strcmp(argv[1], "close_range"))
        close_range(3, ~0U, 0);
    else if (!strcmp(argv[1], "closefrom"))
        closefrom(3);
    else if (!strcmp(argv[1], "dup2"))
        for (int fd = 3; fd < 5000; fd++)
            dup2(1, fd);
    else if (!strcmp(argv[1], "dup3"))
        for (int fd = 3; fd < 5000; fd++)
            dup3(1, fd, O_CLOEXEC);
    else if (!strcmp(argv[1], "syscall")) {
        for (int fd = 3; fd < 5000; fd++)
            syscall(SYS_close, fd);
        // The guards come back with the next allocation or free.
        free(malloc(1));
    }
    return *(volatile char *)freed;
}
