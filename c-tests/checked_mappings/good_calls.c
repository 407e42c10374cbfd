// Calls that are right: nothing is reported.
// options: --mappings=check
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOTH (PROT_READ | PROT_WRITE)

static char *map(size_t bytes, int protection)
{
    return mmap(0, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

// A file of one page, its text repeated.
static int make_file(void)
{
    int file = fileno(tmpfile());
    char text[4096];
    memset(text, 'a', sizeof text);
    return write(file, text, sizeof text) == sizeof text ? file : -1;
}

static void use_files(void)
{
    int file = make_file();
    // Written back by hand, and stores that the file gets.
    char *text = mmap(0, 4096, BOTH, MAP_PRIVATE, file, 0);
    text[5] = 'b';
    pwrite(file, text, 4096, 0);
    munmap(text, 4096);
    text = mmap(0, 8192, BOTH, MAP_SHARED, file, 0);
    text[6] = 'c';
    ftruncate(file, 4200);
    text[4199] = 'd';
    printf("%d\n", msync(text, 8192, MS_SYNC));
    munmap(text, 8192);
    // A scratch copy of what may only be read.
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    int readable = open(name, O_RDONLY);
    text = mmap(0, 4096, BOTH, MAP_PRIVATE, readable, 0);
    text[7] = 'e';
    munmap(text, 4096);
    // Only read.
    text = mmap(0, 4096, BOTH, MAP_PRIVATE, file, 0);
    printf("%c%c\n", text[5], text[6]);
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        // The same pages again and again.
        char *pages = map(8192, BOTH);
        pages[0] = 1;
        printf("%d", munmap(pages, 8192));
        // Cut to an alignment, and in its midst.
        char *wide = map(1 << 20, BOTH);
        char *aligned = (char *)(((uintptr_t)wide + 65535 + 65536) & -(uintptr_t)65536);
        munmap(wide, aligned - wide);
        munmap(aligned + 65536, wide + (1 << 20) - aligned - 65536);
        munmap(aligned + 4096, 4096);
        munmap(aligned, 65536);
        // Shortened.
        pages = map(16384, BOTH);
        munmap(pages + 8192, 8192);
        // A reservation with pieces in it, taken away as a whole.
        char *reserved = map(1 << 20, PROT_NONE);
        for (int piece = 0; piece < 4; piece++)
            mmap(reserved + piece * 65536, 65536, BOTH, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(reserved, 1 << 20);
        // Moved, and both gone.
        pages = mremap(map(4096, BOTH), 4096, 1 << 20, MREMAP_MAYMOVE);
        munmap(pages, 1 << 20);
        // What nobody has mapped.
        char *hole = map(8192, BOTH);
        munmap(hole, 4096);
        munmap(hole + 4096, 4096);
    }
    puts("");
    use_files();
    fflush(stdout);
    // A child ends what its parent has begun.
    char *shared = map(12288, BOTH);
    if (fork() == 0) {
        munmap(shared, 12288);
        _exit(0);
    }
    wait(NULL);
    munmap(shared, 12288);
    return 0;
}
