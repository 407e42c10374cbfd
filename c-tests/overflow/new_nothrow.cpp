// An object of the nothrow operator new[].
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
#include <new>

int main()
{
    char *p = new (std::nothrow) char[32]; // <- allocated in main
    p[32] = 1; // <- access in main
    return 0;
}
