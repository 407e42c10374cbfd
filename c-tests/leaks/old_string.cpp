// The strings of the old ABI point behind their length, capacity and count.
// options: --leaks=full --leak-kinds=all
// cflags: -D_GLIBCXX_USE_CXX11_ABI=0
// expect: leaks
#include "clobber.h"
#include <new>
#include <string>

alignas(std::string) static char room[sizeof(std::string)];

static NOINLINE void work()
{
    // It is not destroyed.
    new (room) std::string(50, 'x'); // <- leak: reachable 75 bytes in 1
}

int main()
{
    work();
    clobber();
}
