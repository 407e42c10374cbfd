// operator new throws bad_alloc, after it has called the new_handler as often as that wishes.
// cflags: -std=c++17
// expect: clean
#include <cstdint>
#include <cstdio>
#include <new>

static int calls;

static void on_exhaustion()
{
    if (++calls == 3)
        std::set_new_handler(nullptr);
}

int main()
{
    volatile std::size_t huge = PTRDIFF_MAX;
    try {
        operator new(huge);
    } catch (const std::bad_alloc &error) {
        std::puts("bad_alloc without a handler");
    }
    std::set_new_handler(on_exhaustion);
    try {
        operator new[](huge);
    } catch (const std::bad_alloc &error) {
        std::printf("bad_alloc after %d calls\n", calls);
    }
    void *p = operator new(huge, std::nothrow);
    std::printf("nothrow gives %s\n", p ? "something" : "null");
    try {
        operator new(huge, std::align_val_t{64});
    } catch (const std::bad_alloc &error) {
        std::puts("aligned bad_alloc");
    }
    return 0;
}
