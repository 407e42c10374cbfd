// Takes standard error away in the way that argv[1] names, then reads freed memory. With argv[2], what another
// program would: the number of the duplicate.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is(const char *way, const char *name) { return !strcmp(way, name); }

int main(int argc, char **argv)
{
    const char *way = argv[1];
    char *freed = malloc(32);
    int null = open("/dev/null", O_WRONLY), pair[2];
    free(freed);
    if (is(way, "dup2"))
        dup2(null, 2);
    else if (is(way, "dup3"))
        dup3(null, 2, 0);
    else if (is(way, "close"))
        close(2);
    else if (is(way, "fclose"))
        fclose(stderr);
    else if (is(way, "syscall"))
        syscall(SYS_dup2, null, 2);
    else if (is(way, "socket") && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        dup2(pair[0], 2);
    else if (is(way, "all-closed"))
        closefrom(0);
    else if (is(way, "ranges"))
        close_range(0, 1000, 0), close_range(500, ~0U, 0);
    else if (is(way, "each-closed"))
        for (int fd = 0; fd < 5000; fd++)
            close(fd);
    else if (is(way, "each-taken"))
        for (int fd = 0; fd < 1200; fd++)
            dup2(null, fd);
    else if (is(way, "twice"))
        for (int turn = 0; turn < 2; turn++)
            for (int fd = 1500; fd-- > 0;)
                dup3(null, fd, fd == null ? 0 : O_CLOEXEC);
    else if (is(way, "read-write")) {
        close(2);
        if (open(argv[2], O_RDWR | O_CREAT, 0600) != 2)
            return 3;
    }
    return *(volatile char *)freed;
}
