// operator new is asked for an alignment that is no power of two.
// options: --bad-requests report
// expect: invalid-allocation-alignment
// expect-call: operator new
// expect-place: operator new was asked for an alignment of 24, which is no power of two
// cflags: -std=c++17
#include <new>

int main()
{
    return operator new(48, std::align_val_t{24}, std::nothrow) != nullptr; // <- called in main
}
