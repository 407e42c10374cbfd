// Writes past the end of an object, called from a function that a test gives another name.
#include <stdlib.h>

__attribute__((noinline)) void plain_name(volatile char *p) { p[32] = 1; }

int main(void) {
    plain_name(malloc(32));
    return 0;
}
