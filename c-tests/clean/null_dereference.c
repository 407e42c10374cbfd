// A null dereference is no bug of the heap: the program dies as it does natively.
// expect: clean
#include <stdlib.h>

int main(void)
{
    free(malloc(10));
    *(volatile int *)0 = 1;
    return 0;
}
