// Without the heuristics it is possibly lost.
// options: --leaks=full --leak-kinds=all --leak-heuristics=none
// expect: leaks
// memcheck: --leak-check-heuristics=none
#include "clobber.h"

struct Item {
    long value;
    ~Item() { value = 0; }
};

static Item *kept;

static NOINLINE void work()
{
    kept = new Item[5]; // <- leak: possible 48 bytes in 1
}

int main()
{
    work();
    clobber();
}
