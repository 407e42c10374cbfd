// A write before an object, farther away than its canaries reach. Not seen; placement left sees it.
// expect: clean
#include <stdlib.h>

int main(void)
{
    volatile char *p = malloc(48);
    p[-200] = 1;
    return 0;
}
