// An array from new[] is resized with realloc.
// expect: alloc-dealloc-mismatch
// expect-call: realloc
// expect-place: located 0 bytes inside of 10-byte region
// expect-note: operator new[] vs realloc: what operator new[] made must be released by operator delete[]
#include <cstdlib>

int main()
{
    char *p = new char[10]; // <- allocated in main
    p = static_cast<char *>(std::realloc(p, 20)); // <- called in main
    return p != nullptr;
}
