// A store to a shared mapping behind the end of the file, found when the process ends.
// options: --mappings=check
// expect: lost-past-eof-write
// expect-found: at exit
// expect-place: located 101 bytes inside of 4096-byte mapping
// expect-note: the file has 100 bytes; what was stored behind its end is lost
// expect-exit: 0
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    ftruncate(fileno(file), 100);
    char *text = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0); // <- mapped in main
    text[101] = 'x';
}
