// A collector's write barrier over objects of all sizes: it protects them, and its handler opens each page that is written.
// expect: clean
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };
static int dirty;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    dirty++;
    mprotect((void *)((uintptr_t)info->si_addr & -PAGE), PAGE, PROT_READ | PROT_WRITE);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    int ends[2];
    if (pipe(ends))
        return 1;
    for (size_t pages = 1; pages <= 64; pages *= 2) {
        char *block = aligned_alloc(PAGE, pages * PAGE);
        memset(block, 1, pages * PAGE);
        for (int protection = PROT_NONE; protection <= PROT_READ; protection++) {
            mprotect(block, pages * PAGE, protection);
            dirty = 0;
            for (size_t i = 0; i < pages; i++)
                ((volatile char *)block)[i * PAGE + 17 * i]++;
            printf("%zu pages, %d dirty\n", pages, dirty);
        }
        // The kernel does not fault: it refuses.
        mprotect(block, PAGE, PROT_READ);
        printf("write %zd, ", write(ends[1], block, 100));
        printf("read %zd\n", read(ends[0], block, 100));
        printf("still there: %zd\n", read(ends[0], (char[100]){0}, 100));
        mprotect(block, pages * PAGE, PROT_READ | PROT_WRITE);
        free(block);
        block = calloc(pages, PAGE);
        block[0] = block[pages * PAGE - 1] = 1;
        free(block);
    }
    return 0;
}
