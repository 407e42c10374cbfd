// Operators new that are asked for more than all memory throw, or return null; the new handler is asked first.
// expect: clean
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <sys/sysinfo.h>
#include <vector>

static int asked;

static void give_up()
{
    if (++asked == 3)
        std::set_new_handler(nullptr);
}

template <class F> static void attempt(const char *what, F f)
{
    try {
        std::printf("%s: %s\n", what, f() ? "an object" : "null");
    } catch (const std::bad_alloc &) {
        std::printf("%s: bad_alloc\n", what);
    }
}

int main()
{
    struct sysinfo info;
    sysinfo(&info);
    size_t huge = (info.totalram + info.totalswap) * info.mem_unit + (1ul << 30);
    attempt("new", [=] { return operator new(huge); });
    attempt("new[]", [=] { return operator new[](huge); });
    attempt("new, nothrow", [=] { return operator new(huge, std::nothrow); });
    attempt("new, aligned", [=] { return operator new(huge, std::align_val_t(64)); });
    attempt("vector", [=] { return std::vector<char>(huge).data() != nullptr; });
    attempt("string", [=] { return std::string(huge, 'x').data() != nullptr; });
    std::set_new_handler(give_up);
    attempt("new, with a handler", [=] { return operator new(huge); });
    std::printf("asked %d times\n", asked);
}
