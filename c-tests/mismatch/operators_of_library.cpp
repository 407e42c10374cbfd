// The standard library's operators are in a library that calls them past everybody: they are malloc and free,
// and its objects and the program's may be exchanged.
// with-library: operators
// expect: clean
#include <cstddef>
#include <cstdio>

extern "C" void *operators_make(std::size_t size);
extern "C" void operators_release(void *object);

int main()
{
    operator delete(operators_make(24));
    operators_release(operator new(24));
    delete static_cast<long *>(operators_make(sizeof(long)));
    std::puts("done");
    return 0;
}
