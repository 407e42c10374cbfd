// A C++ object is given to free.
// expect: alloc-dealloc-mismatch
// expect-call: free
// expect-place: located 0 bytes inside of 24-byte region
// expect-note: operator new vs free: what operator new made must be released by operator delete
#include <cstdlib>

struct Point { double x, y, z; };

static Point *make()
{
    return new Point; // <- allocated in make()
}

int main()
{
    Point *p = make();
    std::free(p); // <- called in main
    return 0;
}
