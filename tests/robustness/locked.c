// Locks all memory, present and future, then goes on allocating, and uses freed memory.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *before = malloc(100);
    if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
        perror("mlockall");
        return 3;
    }
    for (int i = 0; i < 2000; i++)
        free(malloc(i));
    char *after = malloc(100);
    free(before);
    free(after);
    puts("locked");
    fflush(stdout);
    return *(volatile char *)after;
}
