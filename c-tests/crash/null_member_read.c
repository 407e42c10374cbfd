// A member of a structure is read through a null pointer.
// expect: SEGV
// expect-access: READ of size 8
// expect-place: null, or an offset from it

#include <stddef.h>

struct Node { char name[120]; struct Node *next; };

static struct Node *follow(struct Node *node)
{
    return node->next; // <- access in follow
}

int main(void)
{
    return follow(NULL) != NULL; // <- access in main (frame 1)
}
