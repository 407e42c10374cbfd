// A store to a private mapping of a file that was opened for writing: MAP_SHARED was meant.
// options: --mappings=check
// expect: lost-private-write
// expect-call: munmap
// expect-place: located 4096 bytes inside of 8192-byte mapping
// expect-note: 1 page of it was written; it is private, so the file stays as it was, *
// expect-exit: 0
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    ftruncate(fileno(file), 8192);
    char *text = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0); // <- mapped in main
    text[5000] = 'x';
    return munmap(text, 8192); // <- called in main
}
