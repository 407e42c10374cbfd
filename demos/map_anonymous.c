#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static void fill(char *table, size_t bytes) {
    for (size_t i = 0; i <= bytes; i++)
        table[i] = 1; /* BUG: the last index is bytes - 1; behind it nothing is mapped */
}

void fencepost_demo_map_anonymous(void) {
    /* Memory of the kernel's own: private to this process, and zero at first. */
    char *table = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("the first byte is %d\n", table[0]);
    /* A part can be given back. */
    munmap(table + PAGE, PAGE);
    fflush(stdout);
    fill(table, PAGE);
}
