// The sized form of operator delete[] is told another size.
// expect: new-delete-type-mismatch
// expect-call: operator delete[]
// expect-place: located 0 bytes inside of 40-byte region
// expect-note: the object has 40 bytes, but operator delete[] was told 44
// cflags: -std=c++17
#include <new>

int main()
{
    void *p = operator new[](40); // <- allocated in main
    operator delete[](p, 44); // <- called in main
    return 0;
}
