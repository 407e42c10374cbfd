// An assertion fails.
// expect: ABRT

#include <assert.h>

static void check(int number)
{
    assert(number == 3); // <- called in check (any frame)
}

int main(void)
{
    check(4);
    return 0;
}
