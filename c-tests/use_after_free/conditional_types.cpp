// Functions whose types have conditions in them, as std::swap's: a template, a member, an overloaded pair.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 0 bytes inside of 40-byte region
// expect-frame: access 0 in write<int> *
// expect-frame: freed 0 in Box::give_back<int> *
// expect-frame: allocated 0 in Box::take<int> *
#include <cstdlib>
#include <type_traits>

struct Box {
    template <class T>
    __attribute__((noinline)) std::enable_if_t<std::is_convertible<T *, void *>::value, T *> take() {
        return static_cast<T *>(std::malloc(10 * sizeof(T)));
    }

    template <class T>
    __attribute__((noinline)) std::enable_if_t<std::is_convertible<T *, void *>::value> give_back(T *p) {
        std::free(p);
    }
};

template <class T>
__attribute__((noinline)) std::enable_if_t<std::is_integral<T>::value> write(T *p) {
    *p = 1; // <- access in write<int>
}

int main() {
    Box box;
    int *p = box.take<int>(); // <- allocated in main (frame 1)
    box.give_back(p); // <- freed in main (frame 1)
    write(p); // <- access in main (frame 1)
    return 0;
}
