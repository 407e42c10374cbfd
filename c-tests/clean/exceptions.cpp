// 2,000 exceptions through frames with destructors, some rethrown, some carried between threads.
// expect: clean
// cflags: -std=c++17
#include <exception>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>

static int fail(int depth)
{
    std::string local(100 + depth, 'x');
    if (depth == 0)
        throw std::runtime_error("from below " + local.substr(0, 3));
    return fail(depth - 1) + static_cast<int>(local.size());
}

int main()
{
    int caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            try {
                fail(i % 20);
            } catch (const std::exception &) {
                throw;
            }
        } catch (const std::runtime_error &error) {
            caught += std::string(error.what()).size() == 14;
        }
    }
    auto later = std::async(std::launch::async, [] { return fail(5); });
    try {
        later.get();
    } catch (const std::exception &error) {
        std::cout << "from a thread: " << error.what() << '\n';
    }
    std::cout << caught << " caught\n";
    return 0;
}
