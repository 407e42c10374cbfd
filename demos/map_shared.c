#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char *map(int how) {
    return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);
}

static void in_child(char *shared, char *private, const char *name, char **made) {
    if (fork() == 0) {
        strcat(shared, name);
        strcat(private, name);
        *made = strcpy(map(MAP_PRIVATE), "made by a child");
        _exit(0);
    }
    wait(NULL);
}

void fencepost_demo_map_shared(void) {
    char *shared = map(MAP_SHARED), *private = map(MAP_PRIVATE);
    char **made = (char **)map(MAP_SHARED);
    in_child(shared, private, "first ", made);
    in_child(shared, private, "second ", made);
    /* The second child has seen what the first wrote, and so does the parent. */
    printf("shared: '%s', private: '%s'\n", shared, private);
    fflush(stdout);
    printf("%c\n", **made); /* BUG: a mapping made after the fork is the child's alone */
}
