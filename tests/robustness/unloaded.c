// Uses an object that the library argv[1], unloaded since, has made and freed.
#include <dlfcn.h>

int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW);
    void *(*make)(void) = dlsym(library, "library_makes");
    void (*end)(void *) = dlsym(library, "library_frees");
    volatile char *object = make();
    end((void *)object);
    dlclose(library);
    return object[0];
}
