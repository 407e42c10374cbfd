// A static variable that begins as zeros is freed.
// expect: bad-free
// expect-place: in a global/static object of *free_bss
#include <stdlib.h>

int main(void)
{
    static char buffer[100000];
    free(buffer + 65536); // <- called in main
    return 0;
}
