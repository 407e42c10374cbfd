// A library's own function has the name of one of libc's, and takes no strings.
// with-library: names
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int link(char *list, long count);

int main(void)
{
    char *list = malloc(16);
    memset(list, 1, 16);
    printf("%d\n", link(list, 16));
    free(list);
    return 0;
}
