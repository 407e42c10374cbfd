// An index that is far too large hits another live object. Not seen: the access is to memory of the program's.
// expect: clean
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    volatile char *first = malloc(48), *second = malloc(48);
    first[second - first] = 5;
    printf("%d\n", second[0]);
    return 0;
}
