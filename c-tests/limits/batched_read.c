// A read of a freed object that waits to be revoked. It finds junk; without revoke=batch it faults.
// expect: clean
// options: --revoke=batch
#include <stdlib.h>

int main(void)
{
    volatile char *p = malloc(48);
    free((void *)p);
    char found = p[3];
    (void)found;
    return 0;
}
