// Mappings that are not lost, though some have no pointer of the usual kind: known by a fixed address, reserved, executable, a
// stack of a signal handler or of a thread, a device's, known by their end, or by a pointer in a register or an object.
// options: --leaks=full --leak-kinds=all --leak-mappings
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIXED ((void *)0x200000000)

static char *end;
static __thread void *local;

static NOINLINE void *map(int protection, int flags)
{
    return mmap(NULL, 16384, protection, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *wait_for_ever(void *at)
{
    *(volatile int *)at = 1;
    for (;;)
        pause();
}

static NOINLINE void make(void)
{
    const int both = PROT_READ | PROT_WRITE;
    mmap(FIXED, 4096, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    map(PROT_NONE, 0);
    map(both, MAP_NORESERVE);
    map(both | PROT_EXEC, 0);
    mprotect(map(both, 0), 16384, PROT_READ | PROT_EXEC);
    munmap(map(both, 0), 16384);
    mprotect(map(both, 0), 16384, PROT_NONE);
    int zero = open("/dev/zero", O_RDWR);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, zero, 0);
    close(zero);
    stack_t stack = {.ss_sp = map(both, 0), .ss_size = 16384};
    sigaltstack(&stack, NULL);
    local = (char *)map(both, 0) + 5;
    // Nothing begins there.
    char *wide = mmap(NULL, 64 << 20, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    end = wide + (32 << 20);
    munmap(end, 32 << 20);
    void **object = malloc(16); // <- leak: reachable 16 bytes in 1
    *object = map(both, 0);
    static void *keep;
    keep = object;
}

int main(void)
{
    make();
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    void *stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_setstack(&attributes, stack, 1 << 18);
    stack = NULL;
    volatile int *begun = map(PROT_READ | PROT_WRITE, 0);
    pthread_create(&thread, &attributes, wait_for_ever, (void *)begun); // <- leak: libc
    while (!*begun)
        usleep(1000);
    clobber();
}
