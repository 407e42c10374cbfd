// Memory from aligned_alloc is released by the aligned form of operator delete.
// expect: alloc-dealloc-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: malloc vs operator delete: *
// cflags: -std=c++17
#include <cstdlib>
#include <new>

int main()
{
    void *p = std::aligned_alloc(64, 128); // <- allocated in main
    operator delete(p, std::align_val_t{64}); // <- called in main
    return 0;
}
