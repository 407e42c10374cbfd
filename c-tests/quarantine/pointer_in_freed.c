// A pointer read from a freed object that waits is junk, and the crash says so.
// expect: SEGV
// expect-access: READ of size 4
// expect-place: no address that a program can have: a pointer read from a freed object, most likely; fencepost fills these with df
// options: --revoke=batch
#include <stdlib.h>

struct node {
    struct node *next;
    int value;
};

int main(void)
{
    struct node *volatile list = malloc(sizeof *list);
    list->next = NULL;
    free(list);
    return list->next->value; // <- access in main
}
