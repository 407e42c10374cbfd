// Every form of new goes with its forms of delete, sized, aligned, or not, and malloc with free.
// cflags: -std=c++17
// expect: clean
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

extern "C" void free_sized(void *, std::size_t) __attribute__((weak)); // C23
extern "C" void free_aligned_sized(void *, std::size_t, std::size_t) __attribute__((weak));

struct Plain { long a, b; };
struct Counted { ~Counted() {} int number; };
struct alignas(128) Wide { ~Wide() {} char bytes[128]; };
struct Base { virtual ~Base() {} };
struct Derived : Base { long more[10]; };

int main()
{
    const std::align_val_t wide{64};
    delete new Plain;
    delete[] new Plain[3];
    delete[] new Plain[0];
    delete[] new Counted[7];
    delete new Wide;
    delete[] new Wide[2];
    Base *base = new Derived;
    delete base;
    operator delete(operator new(10));
    operator delete(operator new(10), 10);
    operator delete(operator new(0), std::size_t{0});
    operator delete(operator new(10, std::nothrow), std::nothrow);
    operator delete[](operator new[](10), 10);
    operator delete(operator new(10, wide), wide);
    operator delete(operator new(10, wide), 10, wide);
    operator delete[](operator new[](10, wide, std::nothrow), wide, std::nothrow);
    operator delete[](operator new[](10, wide), 10, wide);
    std::free(strdup("text"));
    std::free(std::realloc(std::calloc(2, 3), 100));
    std::free(std::aligned_alloc(64, 64));
    void *p = nullptr;
    if (posix_memalign(&p, 64, 10) == 0)
        std::free(std::realloc(p, 20));
    if (free_sized && free_aligned_sized) {
        free_sized(std::malloc(33), 33);
        free_sized(std::calloc(3, 11), 33);
        free_sized(std::realloc(std::malloc(1), 5), 5);
        free_sized(nullptr, 12);
        free_aligned_sized(std::aligned_alloc(32, 96), 32, 96);
        free_aligned_sized(nullptr, 16, 16);
    }
    std::vector<std::string> words(100, std::string(100, 'x'));
    std::shared_ptr<Plain> shared = std::make_shared<Plain>();
    std::unique_ptr<int[]> numbers(new int[5]);
    std::puts("all right");
    return 0;
}
