// A negative size is given to new[].
// options: --bad-requests report
// expect: allocation-size-too-big
// expect-call: operator new[]
// expect-place: operator new[] was asked for 18446744073709551615 bytes (-1 if signed): too many
#include <new>

int main()
{
    volatile long size = -1;
    return operator new[](size, std::nothrow) != nullptr; // <- called in main
}
