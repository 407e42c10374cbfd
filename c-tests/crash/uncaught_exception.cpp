// An exception that nobody catches aborts.
// expect: ABRT
#include <stdexcept>

int main()
{
    throw std::runtime_error("nobody catches this"); // <- called in main (any frame)
}
