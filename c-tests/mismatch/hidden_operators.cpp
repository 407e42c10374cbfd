// A program with the standard library linked in statically has operators of its own that nobody
// sees; they are malloc and free. Objects that it exchanges with a shared library by our operators
// are all right, here by what the dynamic loader finds under their names.
// expect: clean
// libs: -static-libstdc++ -ldl
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

int main()
{
    using New = void *(*)(std::size_t);
    using Delete = void (*)(void *);
    New library_new = reinterpret_cast<New>(dlsym(RTLD_DEFAULT, "_Znwm"));
    Delete library_delete = reinterpret_cast<Delete>(dlsym(RTLD_DEFAULT, "_ZdlPv"));
    if (library_new && library_delete) {
        library_delete(operator new(24));
        operator delete(library_new(24));
    }
    std::puts("done");
    return 0;
}
