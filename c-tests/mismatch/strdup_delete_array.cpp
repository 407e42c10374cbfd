// A copy that strdup made is released by delete[].
// expect: alloc-dealloc-mismatch
// expect-call: operator delete[]
// expect-place: located 0 bytes inside of 6-byte region
// expect-note: malloc vs operator delete[]: what malloc made must be released by free
#include <cstring>

int main()
{
    char *p = strdup("hello"); // <- allocated in main (any frame)
    delete[] p; // <- called in main
    return 0;
}
