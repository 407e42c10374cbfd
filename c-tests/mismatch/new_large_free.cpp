// An object of many pages, which lies by itself, is given to the wrong function.
// expect: alloc-dealloc-mismatch
// expect-call: free
// expect-place: located 0 bytes inside of 1000000-byte region
// expect-note: operator new[] vs free: *
#include <cstdlib>

int main()
{
    char *p = new char[1000000]; // <- allocated in main
    std::free(p); // <- called in main
    return 0;
}
