// MADV_DONTNEED has the kernel forget pages: private anonymous ones are zeros then, a file's are read again, shared ones stay.
// expect: clean
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *m[4];

static void look(const char *when)
{
    printf("%s: '%s' '%s' '%s' '%s'\n", when, m[0], m[1], m[2], m[3]);
    fflush(stdout);
}

static void all(int advice)
{
    for (int i = 0; i < 4; i++)
        if (madvise(m[i], 4096, advice))
            perror("madvise");
}

int main(void)
{
    int file = memfd_create("file", 0);
    if (write(file, "file", 5) != 5)
        return 1;
    for (int i = 0; i < 4; i++) {
        int how = (i % 2 ? MAP_SHARED : MAP_PRIVATE) | (i < 2 ? MAP_ANONYMOUS : 0);
        m[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, how, i < 2 ? -1 : file, 0);
        strcpy(m[i], i == 2 ? "copy" : i == 3 ? "new" : "text");
    }
    look("at first");
    if (fork() == 0) {
        all(MADV_DONTNEED);
        look("child");
        _exit(0);
    }
    wait(NULL);
    look("parent");
    all(MADV_WILLNEED);
    all(MADV_DONTNEED);
    look("dropped");
    return 0;
}
