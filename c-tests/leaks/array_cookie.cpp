// new[] of a class with a destructor keeps a count before the first element: the pointer is one into the object.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"

struct Item {
    long value;
    ~Item() { value = 0; }
};

static Item *kept;

static NOINLINE void work()
{
    kept = new Item[5]; // <- leak: reachable 48 bytes in 1
    (new Item[7])->value = 1; // <- leak: definite 64 bytes in 1
}

int main()
{
    work();
    clobber();
}
