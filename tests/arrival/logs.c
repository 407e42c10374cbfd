// Reads freed memory, twice; with an argument, in another directory than it was started in: itself, or as a child.
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc > 1 && chdir("/"))
        return 2;
    if (argc > 1 && !strcmp(argv[1], "child")) {
        if (fork() == 0) {
            execl(argv[0], argv[0], NULL);
            _exit(3);
        }
        wait(NULL);
        return 0;
    }
    volatile char *p = malloc(24);
    free((void *)p);
    char first = p[1];
    return (first + p[2]) & 0;
}
