// Of pages that a program keeps from its children they get none, or zeros: for loads and for the kernel. Then objects come and go in
// the child as everywhere.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static int ends[2];

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

static void look(const char *whose, char *block, size_t size)
{
    char byte = 9;
    ssize_t written = write(ends[1], block + size - 1, 1);
    printf("%s: write %zd, ", whose, written);
    int faults = sigsetjmp(back, 1);
    if (faults)
        printf("signal %d\n", faults);
    else
        printf("%d %d\n", ((volatile char *)block)[0], ((volatile char *)block)[size / 2]);
    if (written == 1 && read(ends[0], &byte, 1) == 1)
        printf("read %d\n", byte);
}

static void use_heap(void)
{
    char *all[50];
    for (int i = 0; i < 50; i++)
        memset(all[i] = malloc(i * 100 + 1), i, i * 100 + 1);
    for (int i = 0; i < 50; i++)
        free(all[i]);
}

static void descend(int levels, char *block, size_t size, int may_free)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        look(levels == 2 ? "child" : "grandchild", block, size);
        use_heap();
        if (levels > 1)
            descend(levels - 1, block, size, may_free);
        if (may_free)
            free(block);
        use_heap();
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("ended with %d\n", status);
}

int main(void)
{
    if (pipe2(ends, O_NONBLOCK))
        return 1;
    struct sigaction action = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    // Large ones are mappings of their own.
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    for (size_t size = 4096; size <= 1 << 20; size *= 4) {
        char *block = aligned_alloc(4096, size);
        memset(block, 5, size);
        printf("%zu: wiped %d\n", size, madvise(block, size, MADV_WIPEONFORK));
        descend(2, block, size, 1);
        printf("kept %d\n", madvise(block, size, MADV_KEEPONFORK));
        descend(2, block, size, 1);
        printf("left out %d\n", madvise(block, size, MADV_DONTFORK));
        // Where its pages are none of its own, only a mapping of its own can be freed.
        descend(2, block, size, size == 1 << 20);
        madvise(block, size, MADV_DOFORK);
        look("parent", block, size);
        free(block);
    }
    return 0;
}
