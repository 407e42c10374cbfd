// A recursion does not end.
// expect: stack-overflow
// expect-access: WRITE of size *
// expect-place: beyond the end of the stack of this thread

#include <string.h>

static int descend(int depth)
{
    char room[1000];
    memset(room, depth, sizeof room);
    return descend(depth + 1) + room[5]; // <- access in descend (any frame)
}

int main(void)
{
    return descend(0);
}
