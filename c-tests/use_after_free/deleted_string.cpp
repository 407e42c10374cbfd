// The characters of a destroyed std::string.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 65-byte region
#include <string>

const char *dangling()
{
    std::string text(64, 'a'); // <- allocated in dangling() (any frame)
    return text.c_str();
} // <- freed in dangling() (any frame)

int main()
{
    const char *text = dangling(); // <- allocated, freed in main (any frame)
    return text[0]; // <- access in main
}
