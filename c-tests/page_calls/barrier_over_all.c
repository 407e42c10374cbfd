// A write barrier over all memory from the first object to the last, with a handler that grants access again.
// expect: clean
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, COUNT = 30 };
static volatile int hits;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    hits++;
    mprotect((void *)((uintptr_t)info->si_addr & -PAGE), PAGE, PROT_READ | PROT_WRITE);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    char *objects[COUNT], *first = (char *)-1, *last = NULL;
    for (int i = 0; i < COUNT; i++) {
        objects[i] = aligned_alloc(PAGE, PAGE);
        memset(objects[i], i, PAGE);
        first = objects[i] < first ? objects[i] : first;
        last = objects[i] > last ? objects[i] : last;
    }
    int result = mprotect(first, last + PAGE - first, PROT_READ);
    for (int i = 0; i < COUNT; i++)
        objects[i][i] = 1;
    int found = hits;
    mprotect(first, last + PAGE - first, PROT_READ | PROT_WRITE);
    printf("%d, %d pages written\n", result, found);
    for (int i = 0; i < COUNT; i++)
        free(objects[i]);
    return 0;
}
