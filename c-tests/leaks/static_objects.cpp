// Objects with static storage are destroyed at the end, and what they own with them.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <iostream>
#include <memory>
#include <string>
#include <vector>

static std::vector<std::string> names;
static thread_local std::unique_ptr<int> number;

int main()
{
    for (int i = 0; i < 100; i++)
        names.push_back(std::string(40, 'x'));
    number = std::make_unique<int>(5);
    std::cout << names.size() + *number << std::endl;
    clobber();
}
