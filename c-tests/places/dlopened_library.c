// A library opened at run time; its frames have a name while it stays open.
// opens-library: plain
// libs: -ldl
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 5 bytes inside of 48-byte region
// expect-frame: access 0 in plain_poke (*libplain.so+0x*)
// expect-frame: allocated 0 in plain_make (*libplain.so+0x*)
#include <dlfcn.h>
#include <stdlib.h>

int main(void)
{
    void *library = dlopen("libplain.so", RTLD_NOW);
    char *(*make)(size_t) = dlsym(library, "plain_make");
    void (*poke)(char *, size_t) = dlsym(library, "plain_poke");
    char *p = make(48); // <- allocated in main (frame 1)
    free(p); // <- freed in main
    poke(p, 5); // <- access in main (frame 1)
    return 0;
}
