// The access is in a lambda that std::function calls.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 32-byte region
#include <functional>

void apply(const std::function<void(int)> &action)
{
    action(8); // <- access in apply(std::function<void (int)> const&) (any frame)
}

int main()
{
    int *cells = new int[8]; // <- allocated in main
    apply([=](int index) {
        cells[index] = 1; // <- access in operator()
    });
    return 0;
}
