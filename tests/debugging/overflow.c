// Writes past the end of an object that main calls p.
#include <stdlib.h>

int main(void) {
    char *p = malloc(32);
    p[32] = 1;
    return 0;
}
