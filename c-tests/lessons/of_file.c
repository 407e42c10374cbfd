// A shared mapping of a file changes the file, and what others see of it; a private one changes nothing but itself.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int file;

static char *map(int how)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, how, file, 0);
}

static void look(const char *when, const char *shared, const char *private)
{
    char text[16] = "";
    ssize_t got = pread(file, text, 15, 0);
    printf("%s: file '%s' (%zd), shared '%s', private '%s'\n", when, text, got, shared, private);
    fflush(stdout);
}

int main(void)
{
    char name[] = "fileXXXXXX";
    file = mkstemp(name);
    if (write(file, "start", 6) != 6 || unlink(name))
        return 1;
    char *shared = map(MAP_SHARED), *private = map(MAP_PRIVATE);
    look("at first", shared, private);
    strcpy(shared, "common");
    look("written shared", shared, private);
    strcpy(private, "own");
    printf("msync %d %d\n", msync(shared, 4096, MS_SYNC), msync(private, 4096, MS_ASYNC));
    look("written private", shared, private);
    if (fork() == 0) {
        strcpy(shared, "child");
        strcpy(private, "child's");
        look("child", shared, private);
        _exit(0);
    }
    wait(NULL);
    look("parent", shared, private);
    munmap(shared, 4096);
    int result = msync(shared, 4096, MS_SYNC);
    printf("unmapped: msync %d, %d\n", result, errno == ENOMEM);
    return 0;
}
