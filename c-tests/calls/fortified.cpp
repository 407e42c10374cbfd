// What -D_FORTIFY_SOURCE makes of a copy whose size the compiler can't know.
// cflags: -O2 -D_FORTIFY_SOURCE=2 -fbuiltin
// expect: heap-buffer-overflow
// expect-access: WRITE of size 21
// expect-place: located 0 bytes after 20-byte region
// expect-sentence: * would write 21 bytes to its destination in a 20-byte object
// expect-exit: SIGABRT
#include <cstdio>
#include <cstdlib>
#include <cstring>

static volatile int length = 21;

__attribute__((noinline)) static void copy(char *to, const char *from)
{
    std::memcpy(to, from, length); // <- access in copy(char*, char const*) (any frame)
    asm volatile(""); // so that the call is none in tail position
}

int main()
{
    char from[64] = "";
    char *p = static_cast<char *>(std::malloc(20)); // <- allocated in main
    copy(p, from);
    std::puts(p);
}
