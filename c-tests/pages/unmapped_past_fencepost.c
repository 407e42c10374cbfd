// Pages that the program unmaps by an instruction of its own are freed all the same, and nothing is said of locks.
// expect: clean
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static long unmap(void *address, size_t bytes)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_munmap), "D"(address), "S"(bytes) : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    char *keeper = malloc(10);
    for (size_t size = 1 << 20; size <= 8 << 20; size *= 2) {
        char *block = aligned_alloc(4096, size);
        memset(block, 1, size);
        printf("%ld\n", unmap(block, size));
        free(block);
        free(malloc(100));
    }
    free(keeper);
    return 0;
}
