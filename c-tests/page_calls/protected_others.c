// mprotect that takes write access from more than one object.
// expect: bad-mprotect
// expect-call: mprotect
// expect-place: located * bytes before 100-byte region
// expect-sentence: mprotect(0x*, PROT_READ) takes access from memory that is not the object's: * bytes before it and * bytes behind it, where another object is
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *objects[2];
    for (int i = 0; i < 2; i++)
        objects[i] = malloc(100); // <- allocated in main
    char *first = objects[objects[1] < objects[0]], *last = objects[objects[1] > objects[0]];
    uintptr_t start = (uintptr_t)first & -4096ul;
    mprotect((void *)start, (uintptr_t)last + 100 - start, PROT_READ); // <- called in main
    return 0;
}
