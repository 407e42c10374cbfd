// The object was freed by a library that is no longer loaded.
// opens-library: plain
// libs: -ldl
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 5 bytes inside of 48-byte region
// expect-frame: freed 0 in plain_free (*libplain.so+0x*)
#include <dlfcn.h>
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(48); // <- allocated in main
    void *library = dlopen("libplain.so", RTLD_NOW);
    void (*release)(char *) = dlsym(library, "plain_free");
    release(p); // <- freed in main (frame 1)
    dlclose(library);
    return p[5]; // <- access in main
}
