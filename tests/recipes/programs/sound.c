/* A test without a bug. */
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *text = malloc(32);
    memset(text, 'x', 32);
    int last = text[31];
    free(text);
    return last != 'x';
}
