// An exception that nobody catches aborts, with the words of libstdc++ on standard error.
// expect: clean
#include <stdexcept>

int main()
{
    throw std::runtime_error("nobody catches this");
}
