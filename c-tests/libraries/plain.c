/* A library that is compiled without debug information: its frames have module and offset only. */
#include <stdlib.h>

char plain_buffer[64] = "data of the library";

char *plain_make(size_t size)
{
    char *volatile made = malloc(size);
    return made;
}

void plain_poke(char *p, size_t index)
{
    p[index] = 1;
}

void plain_free(char *p)
{
    free(p);
    plain_buffer[0] = 0;
}
