// Memory from calloc, enlarged by realloc, is deleted.
// expect: alloc-dealloc-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 64-byte region
// expect-note: malloc vs operator delete: *
#include <cstdlib>
#include <new>

int main()
{
    void *p = std::calloc(4, 8);
    p = std::realloc(p, 64); // <- allocated in main
    operator delete(p); // <- called in main
    return 0;
}
