// An over-aligned object is given to free.
// expect: alloc-dealloc-mismatch
// expect-call: free
// expect-place: located 0 bytes inside of 128-byte region
// expect-note: operator new vs free: *
// cflags: -std=c++17
#include <cstdlib>

struct alignas(64) Line { char bytes[128]; };

int main()
{
    Line *p = new Line; // <- allocated in main
    std::free(p); // <- called in main
    return 0;
}
