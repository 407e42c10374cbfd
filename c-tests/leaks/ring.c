// A ring of objects that nothing leads to: one of them is lost, the others with it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

struct node {
    struct node *next;
    int value;
};

static NOINLINE struct node *make(struct node *next)
{
    struct node *node = malloc(sizeof *node); // <- leak: definite 16 bytes in 1 (+ 32 in 2), indirect 32 bytes in 2
    node->next = next;
    return node;
}

static NOINLINE void work(void)
{
    struct node *nodes[3];
    for (int i = 0; i < 3; i++)
        nodes[i] = make(i > 0 ? nodes[i - 1] : NULL);
    nodes[0]->next = nodes[2];
}

int main(void)
{
    work();
    clobber();
}
