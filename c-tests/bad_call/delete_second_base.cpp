// Without a virtual destructor, deleting by the second base frees an interior pointer.
// expect: bad-free
// expect-call: operator delete
// expect-place: * 8 bytes inside of 24-byte region

struct First { long one; };
struct Second { long two; };
struct Both : First, Second { long three; };

int main()
{
    Second *second = new Both; // <- allocated in main
    delete second; // <- called in main
    return 0;
}
