// What the standard library itself makes with malloc is given to delete.
// expect: alloc-dealloc-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of * region
// expect-note: malloc vs operator delete: what malloc made must be released by free
#include <cxxabi.h>

int main()
{
    int status;
    char *name = abi::__cxa_demangle("i", nullptr, nullptr, &status); // <- allocated in main (any frame)
    operator delete(name); // <- called in main
    return 0;
}
