#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *map(int file, int how) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, how, file, 0);
}

void fencepost_demo_map_file(void) {
    char text[16] = "";
    int file = memfd_create("notes", 0);
    if (ftruncate(file, sizeof text) != 0)
        return;
    char *private = map(file, MAP_PRIVATE), *shared = map(file, MAP_SHARED);
    strcpy(private, "draft"); /* goes nowhere: this page is a copy from now on */
    strcpy(shared, "final");
    msync(shared, 4096, MS_SYNC); /* the file on the disk has it now */
    if (pread(file, text, sizeof text, 0) > 0)
        printf("the file says '%s', the private mapping '%s'\n", text, private);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int reader = open(path, O_RDONLY);
    char *again = map(reader, MAP_SHARED); /* refused: the file is open for reading only */
    fflush(stdout);
    strcpy(again, "lost"); /* BUG: nobody has asked whether the mapping failed */
}
