// Its constructor and its destructor allocate.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

static char *made[20];

static __attribute__((constructor)) void begin(void)
{
    for (int i = 0; i < 20; i++)
        asprintf(&made[i], "%*d", i * 300, i);
}

static __attribute__((destructor)) void end(void)
{
    for (int i = 0; i < 20; i++)
        free(made[i]);
    free(malloc(300));
}
