// A library is opened and closed 200 times; what it made stays valid.
// opens-library: plain
// libs: -ldl
// expect: clean
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *made[200];
    for (int i = 0; i < 200; i++) {
        void *library = dlopen("libplain.so", RTLD_NOW);
        void *other = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
        char *(*make)(size_t) = dlsym(library, "plain_make");
        made[i] = make(i + 1);
        made[i][i] = 1;
        dlclose(other);
        dlclose(library);
    }
    for (int i = 0; i < 200; i++)
        free(made[i]);
    puts("done");
    return 0;
}
