// By default the forms of new that can't be granted do what the standard library's do.
// cflags: -std=c++17
// expect: clean
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>

template <typename Make> static void attempt(const char *name, Make make)
{
    try {
        std::printf("%s: %s\n", name, make() ? "memory" : "null");
    } catch (const std::exception &error) {
        std::printf("%s: %s\n", name, error.what());
    }
}

int main()
{
    volatile std::size_t most = SIZE_MAX, half = SIZE_MAX / 2 + 1;
    volatile long negative = -1;
    const std::align_val_t odd{24}, none{0}, wide{64};
    attempt("new", [&] { return operator new(most); });
    attempt("new[]", [&] { return operator new[](half); });
    attempt("new nothrow", [&] { return operator new(most, std::nothrow); });
    attempt("new aligned", [&] { return operator new(half, wide); });
    attempt("new aligned nothrow", [&] { return operator new(half, wide, std::nothrow); });
    attempt("new odd", [&] { return operator new(8, odd); });
    attempt("new[] odd nothrow", [&] { return operator new[](8, odd, std::nothrow); });
    attempt("new none", [&] { return operator new(8, none); });
    attempt("expression", [&] { return new long[negative]; });
    attempt("expression that overflows", [&] { return new long[half]; });
    attempt("expression nothrow", [&] { return new (std::nothrow) long[half]; });
    return 0;
}
