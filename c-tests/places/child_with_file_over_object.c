// A forked child is guarded although a file lies over one of the objects.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-exit: 0
// expect-stdout: child died of SIGSEGV
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status, file = open("/proc/self/exe", O_RDONLY);
    char *block = aligned_alloc(4096, 4096);
    if (mmap(block, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) != block)
        return 1;
    if (fork() == 0) {
        char *p = malloc(32); // <- allocated in main
        p[32] = block[1]; // <- access in main
        _exit(0);
    }
    wait(&status);
    free(block);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
        puts("child died of SIGSEGV");
    return 0;
}
