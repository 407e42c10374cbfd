// An address that no program can have is freed.
// expect: bad-free
// expect-place: never allocated*
#include <stdlib.h>

int main(void)
{
    free((void *)0xdeadbeefdeadbee0); // <- called in main
    return 0;
}
