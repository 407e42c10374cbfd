// Allocated and freed by a library that is no longer loaded; the program frees it again.
// opens-library: plain
// libs: -ldl
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
// expect-frame: freed 0 in plain_free (*libplain.so+0x*)
// expect-frame: allocated 0 in plain_make (*libplain.so+0x*)
#include <cstdlib>
#include <dlfcn.h>

int main()
{
    void *library = dlopen("libplain.so", RTLD_NOW);
    auto make = reinterpret_cast<char *(*)(std::size_t)>(dlsym(library, "plain_make"));
    auto release = reinterpret_cast<void (*)(char *)>(dlsym(library, "plain_free"));
    char *p = make(48); // <- allocated in main (frame 1)
    release(p);         // <- freed in main (frame 1)
    dlclose(library);
    std::free(p); // <- called in main
    return 0;
}
