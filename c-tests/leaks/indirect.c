// Objects that only a lost object leads to are lost with it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

struct owner {
    char *name, *value;
};

static NOINLINE void work(void)
{
    struct owner *owner = malloc(sizeof *owner); // <- leak: definite 16 bytes in 1 (+ 30 in 2)
    owner->name = malloc(10); // <- leak: indirect 10 bytes in 1
    owner->value = malloc(20); // <- leak: indirect 20 bytes in 1
}

int main(void)
{
    work();
    clobber();
}
