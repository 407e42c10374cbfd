// An array from new[] is given to free.
// expect: alloc-dealloc-mismatch
// expect-call: free
// expect-place: located 0 bytes inside of 40-byte region
// expect-note: operator new[] vs free: what operator new[] made must be released by operator delete[]
#include <cstdlib>

int main()
{
    int *p = new int[10]; // <- allocated in main
    std::free(p); // <- called in main
    return 0;
}
