// The function that frees has a type with a condition in it, which is beyond the demangler: its name is not.
// expect: heap-use-after-free
// expect-access: WRITE of size 1
// expect-place: located 1 byte inside of 32-byte region
// expect-frame: freed 0 in std::default_delete<char []>::operator()<char> *
#include <memory>

int main() {
    std::unique_ptr<char[]> p(new char[32]); // <- allocated in main
    char *q = p.get();
    p.reset(); // <- freed in main (any frame)
    q[1] = 2; // <- access in main
    return 0;
}
