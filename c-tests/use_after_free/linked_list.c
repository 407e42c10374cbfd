// The classic: the loop's step reads the node that its body freed.
// expect: heap-use-after-free
// expect-access: READ of size 8
// expect-place: located 8 bytes inside of 16-byte region
#include <stdlib.h>

struct node { long value; struct node *next; };

static struct node *push(struct node *next, long value)
{
    struct node *node = malloc(sizeof *node); // <- allocated in push
    node->value = value;
    node->next = next;
    return node;
}

int main(void)
{
    struct node *list = NULL;
    for (int i = 0; i < 3; i++)
        list = push(list, i); // <- allocated in main (frame 1)
    while (list) {
        free(list); // <- freed in main
        list = list->next; // <- access in main
    }
    return 0;
}
