// A string literal is freed.
// expect: bad-free
// expect-place: in a global/static object of *free_string_literal
#include <stdlib.h>

int main(void)
{
    char *text = "a literal";
    free(text); // <- called in main
    return 0;
}
