#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

void fencepost_demo_map_dropped(void) {
    int file = memfd_create("words", 0);
    if (write(file, "fence post", 11) != 11)
        return;
    char *of_file = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    char **cache = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(of_file, "rail");
    cache[0] = of_file;
    /* The kernel may have these pages back. A file's are read again; anonymous ones are zeros. */
    madvise(of_file, PAGE, MADV_DONTNEED);
    printf("the file's page says '%s' again\n", of_file);
    madvise(cache, PAGE, MADV_DONTNEED);
    fflush(stdout);
    printf("the cached word begins with %c\n", cache[0][0]); /* BUG: the cache was dropped, and holds null pointers */
}
