// A live object is called as if it were a function.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: in memory that is not executable

#include <stdlib.h>

int main(void)
{
    void (*volatile function)(void) = (void (*)(void))calloc(1, 64);
    function(); // <- access in main (frame 1)
    return 0;
}
