// From one member of an object into the next. Not seen: to the heap it is one object.
// expect: clean
#include <stdlib.h>

struct pair {
    char name[8];
    char other[8];
};

int main(void)
{
    struct pair *pair = malloc(sizeof *pair);
    volatile char *p = pair->name;
    p[8] = 1;
    return 0;
}
