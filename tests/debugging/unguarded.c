// More memory than the budget allows: the last object has no guards.
#include "../../include/fencepost.h"
#include <stdlib.h>

int main(void)
{
    char *last = NULL;
    for (int i = 0; i < 1000; i++)
        last = malloc(4000);
    if (fencepost_describe_address)
        fencepost_describe_address(last + 100);
    return 0;
}
