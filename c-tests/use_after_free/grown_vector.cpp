// A reference into a vector that has grown since.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 16-byte region
#include <vector>

int main()
{
    std::vector<int> numbers(4); // <- allocated in main (any frame)
    int &first = numbers[0];
    numbers.push_back(5); // <- freed in main (any frame)
    return first; // <- access in main
}
