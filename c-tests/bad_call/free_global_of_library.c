// A pointer into the data of a shared library is freed.
// with-library: plain
// expect: bad-free
// expect-place: in a global/static object of *libplain.so
#include <stdlib.h>

extern char plain_buffer[];

int main(void)
{
    free(plain_buffer + 16); // <- called in main
    return 0;
}
