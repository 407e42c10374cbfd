// A read before an object that lies at the end of its page. Not seen; placement left sees it.
// expect: clean
#include <stdlib.h>

int main(void)
{
    volatile char *p = malloc(48);
    char found = p[-1];
    (void)found;
    return 0;
}
