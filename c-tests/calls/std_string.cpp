// std::string copies from an object that is one byte too short.
// expect: heap-buffer-overflow
// expect-access: READ of size 21
// expect-place: located 0 bytes after 20-byte region
// expect-exit: SIGABRT
#include <cstdlib>
#include <string>

int main()
{
    char *p = static_cast<char *>(std::calloc(20, 1)); // <- allocated in main
    std::string text(p, 21); // <- access in main (any frame)
    return static_cast<int>(text.size());
}
