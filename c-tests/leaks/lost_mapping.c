// Mappings to which no pointer is left: anonymous and shared memory, a file, one that mremap has moved, and what is left of one that
// was unmapped in part. They decide no exit code. (They are large: where small ones are laid, others have been, to which pointers are left.)
// options: --leaks=full --leak-kinds=all --leak-mappings --error-exitcode=9
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static NOINLINE char *map(size_t bytes, int flags, int file)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0); // <- leak: mapping 218091520 bytes in 3
}

static NOINLINE void lose(void)
{
    map(64 << 20, MAP_PRIVATE | MAP_ANONYMOUS, -1)[5000] = 1;
    char *moved = map(64 << 20, MAP_SHARED | MAP_ANONYMOUS, -1);
    mremap(moved, 64 << 20, 80 << 20, MREMAP_MAYMOVE);
    char *part = map(64 << 20, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    munmap(part, 4096);
    munmap(part + 8192, 8192);
}

static NOINLINE void lose_file(void)
{
    FILE *file = tmpfile();
    ftruncate(fileno(file), 64 << 20);
    char *bytes = mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE, fileno(file), 0); // <- leak: mapping 67108864 bytes in 1
    if (bytes == MAP_FAILED)
        _exit(77);
    fclose(file);
}

int main(void)
{
    lose();
    lose_file();
    clobber();
}
