// operator delete is told half of the object's alignment.
// expect: new-delete-type-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: the object was allocated with an alignment of 64, but operator delete was told an alignment of 32
// cflags: -std=c++17
#include <new>

int main()
{
    void *p = operator new(128, std::align_val_t{64}); // <- allocated in main
    operator delete(p, 128, std::align_val_t{32}); // <- called in main
    return 0;
}
