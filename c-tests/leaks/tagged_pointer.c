// A pointer with tags in its lowest and highest bits, which a mask takes off. Memcheck has none.
// options: --leaks=full --leak-kinds=all --leak-pointer-mask=0xff00000000000007
// expect: leaks
// memcheck: has no mask
#include "clobber.h"
#include <stdint.h>
#include <stdlib.h>

static uintptr_t tagged;

static NOINLINE void work(void)
{
    tagged = (uintptr_t)malloc(40) | (uintptr_t)0xa5 << 56 | 3; // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
}
