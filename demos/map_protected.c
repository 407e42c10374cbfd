#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static char *settings;

static void set(const char *value) {
    strncpy(settings, value, 100); /* BUG: the settings were sealed */
}

void fencepost_demo_map_protected(void) {
    settings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    set("color=yes");
    mprotect(settings, 4096, PROT_READ); /* from now on they can only be read */
    printf("%s\n", settings);
    mprotect(settings, 4096, PROT_READ | PROT_WRITE);
    set("color=no");
    mprotect(settings, 4096, PROT_READ);
    printf("%s\n", settings);
    fflush(stdout);
    set("color=auto");
}
