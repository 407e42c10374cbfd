// A library that is unloaded has allocated the object, and still has its name in the stack.
// opens-library: plain
// libs: -ldl
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <dlfcn.h>
#include <stdlib.h>

static NOINLINE void work(void)
{
    void *library = dlopen("libplain.so", RTLD_NOW);
    char *(*make)(size_t) = (char *(*)(size_t))dlsym(library, "plain_make");
    make(40)[0] = 1; // <- leak: definite 40 bytes in 1
    dlclose(library);
}

int main(void)
{
    work();
    clobber();
}
