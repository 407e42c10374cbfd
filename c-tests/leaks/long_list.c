// A list of 20,000 nodes, in which the first is lost: no recursion could follow it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

struct node {
    struct node *next;
};

static struct node *head;

static NOINLINE void push(void)
{
    struct node *node = malloc(sizeof *node); // <- leak: definite 8 bytes in 1 (+ 159992 in 19999), indirect 159992 bytes in 19999
    node->next = head;
    head = node;
}

int main(void)
{
    for (int i = 0; i < 20000; i++)
        push();
    head = NULL;
    clobber();
}
