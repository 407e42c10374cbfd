// A new_handler may throw through operator new.
// expect: clean
#include <cstdint>
#include <cstdio>
#include <new>

struct Exhausted : std::bad_alloc {};

static void on_exhaustion() { throw Exhausted(); }

int main()
{
    volatile std::size_t huge = PTRDIFF_MAX;
    std::set_new_handler(on_exhaustion);
    try {
        operator new(huge);
    } catch (const Exhausted &) {
        std::puts("the handler's own exception");
    }
    std::printf("nothrow gives %p\n", operator new(huge, std::nothrow));
    return 0;
}
