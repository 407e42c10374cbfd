// One byte too far, at once.
#include <stdlib.h>

int main(void)
{
    volatile char *bytes = malloc(64);
    return bytes[64];
}
