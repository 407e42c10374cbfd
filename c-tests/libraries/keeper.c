/* A library that allocates in its constructor, and frees that in its destructor. */
#include <stdlib.h>

static char *kept;

__attribute__((constructor)) static void begin(void)
{
    kept = malloc(100);
}

__attribute__((destructor)) static void end(void)
{
    free(kept);
}
