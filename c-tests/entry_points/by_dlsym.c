// The names that only some programs look up: __libc_malloc and its kin, cfree where it exists.
// libs: -ldl
// expect: clean
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    void *(*libc_malloc)(size_t) = dlsym(RTLD_DEFAULT, "__libc_malloc");
    void *(*libc_calloc)(size_t, size_t) = dlsym(RTLD_DEFAULT, "__libc_calloc");
    void *(*libc_realloc)(void *, size_t) = dlsym(RTLD_DEFAULT, "__libc_realloc");
    void *(*libc_memalign)(size_t, size_t) = dlsym(RTLD_DEFAULT, "__libc_memalign");
    void (*libc_free)(void *) = dlsym(RTLD_DEFAULT, "__libc_free");
    assert(libc_malloc && libc_calloc && libc_realloc && libc_memalign && libc_free);
    // They may be mixed with the common names.
    char *p = libc_malloc(100), *q = libc_calloc(10, 10), *r = libc_memalign(256, 100);
    assert(((uintptr_t)r & 255) == 0 && q[99] == 0);
    memset(p, 1, 100);
    p = libc_realloc(p, 200);
    assert(p[99] == 1);
    free(p);
    libc_free(q);
    libc_free(malloc(10));
    p = realloc(r, 1000);
    libc_free(p);
    return 0;
}
