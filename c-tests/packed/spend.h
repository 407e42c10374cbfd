/* Takes all the memory for objects with pages of their own. With --memory-limit 1, later objects are packed. */
#include <stdlib.h>

static void spend(void)
{
    static void *volatile spent[400];
    for (int i = 0; i < 400; i++)
        spent[i] = malloc(8);
}
