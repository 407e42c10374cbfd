// A string of 13 letters in 13 bytes: its terminator is one too many.
// options: --check-calls=no
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 13-byte region
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    char *made = malloc(strlen(text)); // <- allocated in copy
    return strcpy(made, text);
}

int main(void)
{
    char *p = copy("thirteen char"); // <- allocated in main (frame 1)
    free(p); // <- called in main
    return 0;
}
