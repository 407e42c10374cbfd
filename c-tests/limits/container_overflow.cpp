// A read of a vector behind its size, within its capacity. Not seen: to the heap it is one object.
// expect: clean
#include <vector>

int main()
{
    std::vector<int> numbers;
    numbers.reserve(100);
    numbers.push_back(1);
    int *volatile data = numbers.data();
    return data[50];
}
