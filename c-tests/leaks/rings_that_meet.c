// A ring leads into another: all belong to one of the first.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

static NOINLINE void **make(int links)
{
    return calloc(links, sizeof(void *)); // <- leak: definite 16 bytes in 1 (+ 32 in 3), indirect 16 bytes in 1
}

static NOINLINE void work(void)
{
    void **first = make(2), **second = make(2);
    void **third = malloc(8), **fourth = malloc(8); // <- leak: indirect 16 bytes in 2
    first[0] = second, second[0] = first;
    third[0] = fourth, fourth[0] = third;
    second[1] = third;
}

int main(void)
{
    work();
    clobber();
}
