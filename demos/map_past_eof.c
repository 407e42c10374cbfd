#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static int sum(const char *bytes, size_t count) {
    int sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += bytes[i]; /* BUG: the mapping is longer than the file has pages */
    return sum;
}

void fencepost_demo_map_past_eof(void) {
    int file = memfd_create("short", 0);
    if (write(file, "0123456789", 10) != 10)
        return;
    char *mapped = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, file, 0);
    /* Behind the end of the file its last page holds zeros. */
    printf("the sum of the first page is %d\n", sum(mapped, PAGE));
    fflush(stdout);
    printf("the sum of both is %d\n", sum(mapped, 2 * PAGE));
}
