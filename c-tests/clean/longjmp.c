// longjmp out of frames that allocated.
// expect: clean
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf back;
static void *kept[1000];

static void dive(int depth, int round)
{
    void *p = malloc(depth + 1);
    if (depth == 0) {
        kept[round] = p;
        longjmp(back, 1);
    }
    free(p);
    dive(depth - 1, round);
}

int main(void)
{
    for (volatile int round = 0; round < 1000; round++)
        if (setjmp(back) == 0)
            dive(round % 30, round);
    for (int round = 0; round < 1000; round++)
        free(kept[round]);
    puts("done");
    return 0;
}
