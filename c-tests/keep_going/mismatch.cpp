// The wrong function releases the object all the same.
// expect: alloc-dealloc-mismatch
// expect-place: located 0 bytes inside of 4-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: went on
#include <cstdio>
#include <cstdlib>

int main()
{
    int *volatile p = new int(5); // <- allocated in main
    std::free(p); // <- called in main
    std::puts("went on");
    return 0;
}
