// Static and thread_local objects that allocate in their destructors.
// expect: clean
// cflags: -std=c++17
#include <iostream>
#include <string>
#include <thread>
#include <vector>

struct Noisy {
    std::string name;
    explicit Noisy(const char *given) : name(given) {}
    ~Noisy() { std::cout << ("end of " + name + " object with a long name\n") << std::flush; }
};

static Noisy global("a static");
thread_local Noisy local("a thread_local");

int main()
{
    static Noisy inner("a function's");
    std::thread([] { local.name += " of a thread"; }).join();
    local.name += " of main";
    std::vector<Noisy> many(3, Noisy("a vector's"));
    return 0;
}
