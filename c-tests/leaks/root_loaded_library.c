// The only pointer is in the static data of a library that was loaded by dlopen.
// opens-library: plain
// libs: -ldl
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <dlfcn.h>
#include <stdlib.h>

static NOINLINE void work(void)
{
    void *library = dlopen("libplain.so", RTLD_NOW); // <- leak: libc
    void **data = dlsym(library, "plain_buffer");
    data[0] = malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}
