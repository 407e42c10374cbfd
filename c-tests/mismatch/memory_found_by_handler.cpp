// A new_handler that gives memory back lets operator new succeed in the end; such an object is
// deleted like any other.
// cflags: -std=c++17
// expect: clean
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sys/resource.h>

static rlimit before;
static int calls;

static void on_exhaustion()
{
    calls++;
    setrlimit(RLIMIT_DATA, &before);
    std::set_new_handler(nullptr);
}

template <typename Make> static void *make_at_last(Make make)
{
    getrlimit(RLIMIT_DATA, &before);
    rlimit little = {1 << 20, before.rlim_max};
    std::set_new_handler(on_exhaustion);
    setrlimit(RLIMIT_DATA, &little);
    void *p = make();
    setrlimit(RLIMIT_DATA, &before);
    return p;
}

int main()
{
    const std::size_t large = 50 << 20;
    const std::align_val_t wide{64};
    operator delete(make_at_last([&] { return operator new(large); }), large);
    operator delete[](make_at_last([&] { return operator new[](large); }), large);
    operator delete(make_at_last([&] { return operator new(large, wide); }), large, wide);
    operator delete[](make_at_last([&] { return operator new[](large, std::nothrow); }));
    std::printf("%d calls\n", calls);
    return 0;
}
