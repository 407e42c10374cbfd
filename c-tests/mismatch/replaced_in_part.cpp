// The program replaces operator new and leaves delete to the library; both come down to malloc and
// free.
// expect: clean
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

void *operator new(std::size_t size)
{
    if (void *p = std::malloc(size))
        return p;
    throw std::bad_alloc();
}

int main()
{
    int *number = new int(3);
    delete number;
    delete[] new long[20];
    std::string text(1000, 'x');
    std::puts("done");
    return 0;
}
