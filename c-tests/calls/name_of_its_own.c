// A library's own functions have the names of some of libc's, and do something else.
// with-library: names
// expect: clean
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int link(char *list, long count);
int accept(char *list, char *wanted);

int main(void)
{
    char *list = malloc(16), *wanted = malloc(16);
    memset(list, 1, 16);
    memset(wanted, 1, 16);
    assert(link(list, 16) == 16);
    assert(accept(list, wanted) == 1);
    free(wanted);
    free(list);
    return 0;
}
