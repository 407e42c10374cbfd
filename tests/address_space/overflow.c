/* Writes behind an object. */
#include <stdlib.h>

int main(void)
{
    int *p = malloc(40);
    ((volatile int *)p)[12] = 1;
    return 0;
}
