// Becomes a daemon in the way that argv[1] names and lives on; argv[2] is a file for its process id. Who has started
// it through pipes must see their end.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void become_child(void)
{
    if (fork())
        _exit(0);
}

int main(int argc, char **argv)
{
    const char *way = argv[1];
    free(malloc(10));
    if (!strcmp(way, "daemon")) {
        if (daemon(0, 0))
            return 2;
    } else if (!strcmp(way, "dup2")) {
        become_child();
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
    } else if (!strcmp(way, "close")) {
        become_child();
        setsid();
        become_child();
        for (int fd = 0; fd < 3; fd++)
            close(fd);
    } else if (!strcmp(way, "before")) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        become_child();
        setsid();
    } else if (!strcmp(way, "fclose")) {
        become_child();
        fclose(stdin), fclose(stdout), fclose(stderr);
    } else if (!strcmp(way, "freopen")) {
        become_child();
        freopen("/dev/null", "r", stdin), freopen("/dev/null", "w", stdout), freopen("/dev/null", "w", stderr);
        close(open("/dev/null", O_RDONLY));
    } else if (!strcmp(way, "exec")) {
        become_child();
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        execl(argv[0], argv[0], "none", argv[2], NULL);
    }
    FILE *file = fopen(argv[2], "w");
    fprintf(file, "%d\n", getpid());
    fclose(file);
    sleep(600);
    return 0;
}
