// Makes and ends an object; a library that is gone when that matters.
#include <stdlib.h>

static int ended;

void *library_makes(void)
{
    char *volatile made = malloc(32); // <- allocated
    return made;
}

void library_frees(void *object)
{
    free(object); // <- freed
    ended = 1;
}
