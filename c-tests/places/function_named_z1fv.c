// C functions whose names lack no more than the underscore to be C++ ones, without debug information.
// cflags: -g0
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-frame: access 0 in Z1fv (*
// expect-frame: access 1 in i (*
// expect-frame: allocated 0 in c (*
#include <stdlib.h>

__attribute__((noinline)) void Z1fv(char *p) {
    p[32] = 1;
}

__attribute__((noinline)) void i(char *p) {
    Z1fv(p);
}

__attribute__((noinline)) char *c(void) {
    return malloc(32);
}

int main(void) {
    i(c());
    return 0;
}
