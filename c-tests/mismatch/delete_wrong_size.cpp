// Without a virtual destructor, deleting by the base tells the base's size.
// expect: new-delete-type-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 48-byte region
// expect-note: the object has 48 bytes, but operator delete was told 8
// cflags: -std=c++17

struct Base { long one; };
struct Derived : Base { long more[5]; };

int main()
{
    Base *p = new Derived; // <- allocated in main
    delete p; // <- called in main
    return 0;
}
