#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static void *map_at(void *at, size_t bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    return mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

void fencepost_demo_map_fixed(void) {
    static const char *word = "fence";
    /* The right use: addresses are reserved first, and then used piece by piece. */
    char *arena = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char **words = map_at(arena + PAGE, PAGE);
    words[0] = word;
    printf("the first word is %s\n", words[0]);
    /* The wrong one: MAP_FIXED replaces what is mapped there, without a word. */
    map_at(arena, 2 * PAGE);
    fflush(stdout);
    printf("it begins with %c\n", words[0][0]); /* BUG: the page with the words was replaced by zeros */
}
