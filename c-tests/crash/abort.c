// abort() is called.
// expect: ABRT
// expect-stdout: before

#include <stdio.h>
#include <stdlib.h>

static void give_up(void)
{
    abort(); // <- called in give_up
}

int main(void)
{
    malloc(10);
    puts("before");
    fflush(stdout);
    give_up(); // <- called in main (frame 1)
}
