// A library that is to prefer what its own libraries define shares objects with the program all the same.
// opens-library: plain
// libs: -Wl,--as-needed -ldl
// expect: clean
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void share(void *library)
{
    if (!library) {
        puts(dlerror());
        return;
    }
    char *(*make)(size_t) = dlsym(library, "plain_make");
    void (*release)(char *) = dlsym(library, "plain_free");
    char *made = make(10);
    made[9] = 1;
    free(made);
    release(malloc(10));
    puts(dlclose(library) ? "still there" : "done");
}

int main(void)
{
    share(dlopen("libplain.so", RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND));
    share(dlmopen(LM_ID_BASE, "libplain.so", RTLD_NOW | RTLD_DEEPBIND));
    return 0;
}
