// A daemon closes every descriptor, thrice over and in different ways, and goes on allocating.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int works(void)
{
    for (int i = 1; i < 2000; i++) {
        char *p = calloc(1, i);
        if (!p || p[i - 1])
            return 0;
        memset(p, 1, i);
        p = realloc(p, i * 2);
        free(p);
    }
    return 1;
}

int main(void)
{
    for (int fd = 3; fd < 65536; fd++)
        close(fd);
    int ok = works();
    close_range(3, ~0U, 0);
    ok &= works();
    closefrom(3);
    ok &= works();
    for (int fd = 3; fd < 300; fd++)
        dup2(0, fd);
    ok &= works();
    return ok ? 0 : 1;
}
