// The memory of an exception that was caught is free again; one that is kept is kept.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <exception>
#include <stdexcept>

static std::exception_ptr kept;

static NOINLINE void work()
{
    try {
        throw 5;
    } catch (int) {
    }
    try {
        throw std::runtime_error("lost by nobody");
    } catch (...) {
        kept = std::current_exception();
    }
}

int main()
{
    work();
    clobber();
}
