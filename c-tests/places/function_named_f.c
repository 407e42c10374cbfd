// Names of C functions that would be types inside a C++ name.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
#include <stdlib.h>

__attribute__((noinline)) static void f(char *p) {
    p[32] = 1; // <- access in f
}

__attribute__((noinline)) void i(char *p) {
    f(p); // <- access in i (frame 1)
}

__attribute__((noinline)) char *St(void) {
    return malloc(32); // <- allocated in St
}

int main(void) {
    i(St()); // <- allocated in main (frame 1)
    return 0;
}
