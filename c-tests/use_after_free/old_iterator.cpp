// push_back moved the elements; an iterator from before is written through.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 4 bytes inside of 16-byte region
#include <vector>

static void grow(std::vector<int> &numbers)
{
    numbers.push_back(5); // <- freed in grow(std::vector<int, std::allocator<int> >&) (any frame)
}

int main()
{
    std::vector<int> numbers;
    numbers.reserve(4); // <- allocated in main (any frame)
    numbers.assign(4, 1);
    int *second = &numbers[1];
    grow(numbers);
    *second = 2; // <- access in main
    return 0;
}
