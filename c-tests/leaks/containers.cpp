// A vector and a map that are lost, with all that is in them.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <map>
#include <vector>

static NOINLINE void work()
{
    auto *numbers = new std::vector<long>; // <- leak: definite 24 bytes in 1 (+ 80 in 1)
    numbers->reserve(10); // <- leak: indirect 80 bytes in 1
    auto *squares = new std::map<long, long>; // <- leak: definite 48 bytes in 1 (+ 480 in 10)
    for (long i = 0; i < 10; i++)
        (*squares)[i] = i * i; // <- leak: indirect 480 bytes in 10
}

int main()
{
    work();
    clobber();
}
