// A raw pointer outlives the unique_ptr that owned the object.
// cflags: -std=c++17
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 0 bytes inside of 4-byte region
#include <memory>

int main()
{
    int *raw;
    {
        std::unique_ptr<int> owner(new int(3)); // <- allocated in main
        raw = owner.get();
    } // <- freed in main (any frame)
    *raw = 4; // <- access in main
    return 0;
}
