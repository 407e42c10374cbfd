// A C++ object is given to free_sized, with the right size.
// expect: alloc-dealloc-mismatch
// expect-call: free_sized
// expect-place: located 0 bytes inside of 8-byte region
// expect-note: operator new vs free_sized: *
#include <cstdlib>

extern "C" void free_sized(void *p, std::size_t size) __attribute__((weak)); // C23

int main()
{
    long *p = new long; // <- allocated in main
    free_sized(p, sizeof *p); // <- called in main
    return 0;
}
