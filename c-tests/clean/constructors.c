// Allocation before main, and after it.
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *early;

__attribute__((constructor)) static void prepare(void)
{
    early = strdup("early");
    setenv("ADDED", "yes", 1);
}

__attribute__((destructor)) static void finish(void)
{
    printf("%s, %s\n", early, getenv("ADDED"));
    free(early);
    free(malloc(100));
}

int main(void)
{
    early = realloc(early, 100);
    strcat(early, " and late");
    return 0;
}
