// The library whose static data had the only pointer is unloaded.
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
    void **data = dlsym(library, "plain_buffer");
    data[0] = malloc(40); // <- leak: definite 40 bytes in 1
    dlclose(library);
}

int main(void)
{
    work();
    clobber();
}
