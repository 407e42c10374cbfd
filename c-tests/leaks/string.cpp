// A string that is never destroyed keeps its text; one that is lost loses it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <new>
#include <string>

alignas(std::string) static char room[sizeof(std::string)];

static NOINLINE void work()
{
    new (room) std::string(50, 'x'); // <- leak: reachable 51 bytes in 1
    new std::string(60, 'y'); // <- leak: definite 32 bytes in 1 (+ 61 in 1), indirect 61 bytes in 1
}

int main()
{
    work();
    clobber();
}
