// operator[] of a vector checks nothing.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 64-byte region
#include <vector>

void poke(std::vector<int> &numbers, std::size_t index)
{
    int *first = numbers.data();
    first[index] = 1; // <- access in poke(std::vector<int, std::allocator<int> >&, unsigned long)
}

int main()
{
    std::vector<int> numbers(16); // <- allocated in main (any frame)
    poke(numbers, numbers.size()); // <- access in main (frame 1)
    return 0;
}
