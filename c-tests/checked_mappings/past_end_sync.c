// The same, found at msync.
// options: --mappings=check
// expect: lost-past-eof-write
// expect-call: msync
// expect-place: located 100 bytes inside of 4096-byte mapping
// expect-exit: 0
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    ftruncate(fileno(file), 100);
    char *text = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0); // <- mapped in main
    text[100] = 'x';
    int result = msync(text, 4096, MS_SYNC); // <- called in main
    memset(text + 100, 0, 100);
    return result;
}
