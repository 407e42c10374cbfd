// What a reachable object leads to can be reached.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

struct node {
    struct node *next;
    long number;
};

static struct node *head;

static NOINLINE void push(void)
{
    struct node *node = malloc(sizeof *node); // <- leak: reachable 160 bytes in 10
    node->next = head;
    head = node;
}

int main(void)
{
    for (int i = 0; i < 10; i++)
        push();
    clobber();
}
