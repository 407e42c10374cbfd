// A leak. Not seen: there is no leak check.
// expect: clean
#include <stdlib.h>

int main(void)
{
    void *volatile p = malloc(48);
    p = NULL;
    return p != NULL;
}
