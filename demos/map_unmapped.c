#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

void fencepost_demo_map_unmapped(void) {
    char *text = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(text, "first page");
    strcpy(text + 2 * PAGE, "third page");
    /* Any page can go; the others stay. */
    munmap(text + PAGE, PAGE);
    printf("%s, %s\n", text, text + 2 * PAGE);
    munmap(text, 3 * PAGE);
    fflush(stdout);
    printf("%c\n", text[0]); /* BUG: the mapping is gone */
}
