// Containers, strings, streams and shared pointers.
// expect: clean
// cflags: -std=c++17 -O1
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

int main()
{
    std::map<int, std::string> names;
    std::unordered_map<std::string, std::vector<int>> index;
    for (int i = 0; i < 5000; i++) {
        names[i * 7919 % 10007] = "name " + std::to_string(i);
        index["key " + std::to_string(i % 100)].push_back(i);
    }
    std::ostringstream out;
    for (const auto &[number, name] : names)
        out << number << '=' << name << ';';
    auto shared = std::make_shared<std::string>(out.str());
    auto copy = shared;
    std::weak_ptr<std::string> weak = shared;
    shared.reset();
    std::cout << weak.lock()->size() << ' ' << index["key 5"].size() << '\n';
    return 0;
}
