// A collector's write barrier, in mappings at fixed addresses, one of them among those that are kept for objects: faults go
// to its handler, and libc calls may use the memory.
// expect: clean

#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int hits;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    hits++;
    mprotect((void *)((uintptr_t)info->si_addr & -4096ul), 4096, PROT_READ | PROT_WRITE);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    uintptr_t places[] = {0x400000000000, 0x650000000000, 0x750000000000};
    for (int place = 0; place < 3; place++) {
        char *m = mmap((void *)places[place], 16384, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (m != (char *)places[place])
            return 1;
        for (int i = 0; i < 4; i++)
            ((volatile char *)m)[i * 4096] = 1;
        strcpy(m + 5, "text that crosses no page");
        char *copy = malloc(100);
        memcpy(copy, m + 5, 100);
        printf("%d barrier hits, %s\n", hits, copy);
        free(copy);
        munmap(m, 16384);
    }
    return 0;
}
