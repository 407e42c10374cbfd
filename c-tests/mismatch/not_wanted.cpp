// Mismatches are not reported where the user says so.
// cflags: -std=c++17 -w
// options: --alloc-dealloc-mismatch=no --new-delete-type-mismatch=no --free-size-mismatch=no
// expect: clean
#include <cstdio>
#include <cstdlib>
#include <new>

extern "C" void free_sized(void *, std::size_t) __attribute__((weak)); // C23

int main()
{
    std::free(new int);
    delete static_cast<int *>(std::malloc(4));
    delete new int[3];
    std::free(std::realloc(new char[3], 20));
    operator delete(operator new(10), 20);
    operator delete(operator new(10, std::align_val_t{64}));
    if (free_sized)
        free_sized(std::malloc(5), 6);
    std::puts("done");
    return 0;
}
