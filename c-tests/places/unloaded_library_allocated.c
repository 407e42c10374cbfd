// The object was allocated by a library that is no longer loaded.
// opens-library: plain
// libs: -ldl
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
// expect-frame: allocated 0 in plain_make (*libplain.so+0x*)
#include <dlfcn.h>
#include <stdlib.h>

int main(void)
{
    void *library = dlopen("libplain.so", RTLD_NOW);
    char *(*make)(size_t) = dlsym(library, "plain_make");
    char *p = make(48); // <- allocated in main (frame 1)
    dlclose(library);
    p[48] = 1; // <- access in main
    return 0;
}
