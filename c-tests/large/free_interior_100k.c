// A page boundary inside a large object is freed.
// expect: bad-free
// expect-place: * 40960 bytes inside of 102400-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(102400); // <- allocated in main
    free(p + 40960); // <- called in main
    return 0;
}
