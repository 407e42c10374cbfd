// A decision by bytes that nobody has written. Not seen: there is no record of what was written.
// expect: clean
#include <stdlib.h>

int main(void)
{
    volatile int *p = malloc(48);
    return p[3] == 12345;
}
