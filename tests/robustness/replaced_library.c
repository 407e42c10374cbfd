// Uses an object after its free that came from a library unloaded since; argv[1] is loaded first, argv[2] in its place.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    void *first = dlopen(argv[1], RTLD_NOW);
    void *(*first_makes)(void) = dlsym(first, "first_makes");
    volatile char *object = first_makes();
    dlclose(first);
    void *second = dlopen(argv[2], RTLD_NOW);
    void *(*second_make)(void) = dlsym(second, "second_make");
    free(second_make());
    puts(second_make == first_makes ? "same place" : "other place");
    fflush(stdout);
    free((void *)object);
    if (argc > 3)
        object[0] = 1;
    return 0;
}
