// Functions looked up in libc itself, as foreign function interfaces do, go with those called by name.
// libs: -ldl
// expect: clean
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW);
    void (*release)(void *) = dlsym(libc, "free");
    void *(*make)(size_t) = dlsym(libc, "malloc");
    void *(*resize)(void *, size_t) = dlsym(libc, "realloc");
    int (*make_aligned)(void **, size_t, size_t) = dlsym(libc, "posix_memalign");
    char *(*duplicate)(const char *) = dlsym(libc, "strdup");

    release(strdup("by name"));
    free(make(10));
    free(resize(malloc(10), 20));
    void *aligned;
    if (make_aligned(&aligned, 64, 10) == 0)
        free(aligned);
    release(duplicate("by address"));

    printf("%d %d\n", release == free, dlsym(RTLD_DEFAULT, "malloc") == (void *)make);
    // A look-up that succeeds leaves no error, one that fails does.
    void *environment = dlsym(libc, "environ");
    printf("%d %d\n", environment != NULL, dlerror() == NULL);
    void *missing = dlsym(libc, "fencepost_no_such_name");
    printf("%d %d\n", missing == NULL, dlerror() != NULL);
    printf("%d\n", dlsym(RTLD_NEXT, "malloc") != NULL);
    return 0;
}
