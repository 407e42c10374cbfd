// The only pointer is one to the second base of an object.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"

struct First {
    long one = 1;
    virtual ~First() {}
};

struct Second {
    long two = 2;
    virtual ~Second() {}
};

struct Both : First, Second {
};

static Second *kept;

static NOINLINE void work()
{
    kept = new Both; // <- leak: reachable 32 bytes in 1
}

int main()
{
    work();
    clobber();
}
