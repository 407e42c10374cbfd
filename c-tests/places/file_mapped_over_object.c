// A file is mapped over an object, truncated, and the program handles the SIGBUS. Guarding goes on after that.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 16-byte region
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf back;

static void on_bus(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

int main(void)
{
    char *block;
    int file = memfd_create("file", 0);
    signal(SIGBUS, on_bus);
    if (ftruncate(file, 4096) || posix_memalign((void **)&block, 4096, 4096))
        return 1;
    if (mmap(block, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != block)
        return 2;
    if (ftruncate(file, 0))
        return 3;
    if (!sigsetjmp(back, 1))
        ((volatile char *)block)[0] = 1;
    mmap(block, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    free(block);
    char *p = malloc(16); // <- allocated in main
    p[16] = 1; // <- access in main
    return 0;
}
