// Of the same size as first_library.c, so that the loader puts the one where the other was.
#include <stdlib.h>

void *second_make(void)
{
    char *volatile made = malloc(32);
    return made;
}
