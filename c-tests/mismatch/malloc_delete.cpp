// Memory from malloc is deleted.
// expect: alloc-dealloc-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 4-byte region
// expect-note: malloc vs operator delete: what malloc made must be released by free
#include <cstdlib>

int main()
{
    int *p = static_cast<int *>(std::malloc(sizeof(int))); // <- allocated in main
    delete p; // <- called in main
    return 0;
}
