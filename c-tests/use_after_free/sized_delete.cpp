// A class with an aligned operator new and a sized, aligned operator delete.
// cflags: -std=c++17
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 64-byte region

struct alignas(64) Wide { int value = 1; };

int main()
{
    Wide *wide = new Wide; // <- allocated in main
    delete wide; // <- freed in main
    return wide->value; // <- access in main
}
