// Is called by a program that opens it, and allocates and frees while it is closed.
#include <stdlib.h>

static char *made;

void library_overflows(void) {
    volatile char *p = malloc(32);
    p[32] = 1;
}

__attribute__((constructor)) static void library_begins(void) { made = malloc(40); }

__attribute__((destructor)) static void library_ends(void) {
    free(made);
    ((volatile char *)made)[0] = 1;
}
