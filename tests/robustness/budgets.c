// Frees one object, keeps argv[1] objects live, makes argv[2] more one after the other; with a third
// argument it makes as many before, too, and then uses the first.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    long live = atol(argv[1]), pairs = atol(argv[2]);
    // The first slots of a thread are few, and of a stretch that others use up.
    for (long i = 0; argc > 3 && i < pairs; i++)
        free(malloc(40));
    volatile char *first = malloc(40);
    free((void *)first);
    for (long i = 0; i < live; i++)
        *(volatile char *)malloc(40) = 1;
    for (long i = 0; i < pairs; i++)
        free(malloc(40));
    puts("done");
    fflush(stdout);
    return argc > 3 ? first[0] : 0;
}
