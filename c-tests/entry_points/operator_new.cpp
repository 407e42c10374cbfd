// Every form of operator new and delete.
// cflags: -std=c++17
// expect: clean
#include <cassert>
#include <cstdint>
#include <cstring>
#include <new>

int main()
{
    const std::align_val_t wide{512};
    for (std::size_t size = 0; size < 3000; size += 61) {
        void *p[8] = {
            operator new(size), operator new[](size),
            operator new(size, std::nothrow), operator new[](size, std::nothrow),
            operator new(size, wide), operator new[](size, wide),
            operator new(size, wide, std::nothrow), operator new[](size, wide, std::nothrow),
        };
        for (int i = 0; i < 8; i++) {
            assert(p[i] && (i < 4 || reinterpret_cast<std::uintptr_t>(p[i]) % 512 == 0));
            std::memset(p[i], i, size);
        }
        operator delete(p[0]);
        operator delete[](p[1], size);
        operator delete(p[2], std::nothrow);
        operator delete[](p[3], std::nothrow);
        operator delete(p[4], wide);
        operator delete[](p[5], size, wide);
        operator delete(p[6], wide, std::nothrow);
        operator delete[](p[7], wide, std::nothrow);
    }
    operator delete(nullptr);
    return 0;
}
