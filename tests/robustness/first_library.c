// Of the same size as second_library.c, so that the loader puts the one where the other was.
#include <stdlib.h>

void *first_makes(void)
{
    char *volatile made = malloc(32);
    return made;
}
