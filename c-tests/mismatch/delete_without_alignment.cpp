// An over-aligned object is released as if it were not.
// expect: new-delete-type-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 32-byte region
// expect-note: the object was allocated with an alignment of 256, but operator delete was told no alignment
// cflags: -std=c++17
#include <new>

int main()
{
    void *p = operator new(32, std::align_val_t{256}); // <- allocated in main
    operator delete(p); // <- called in main
    return 0;
}
