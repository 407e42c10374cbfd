// Of a tree the root is lost, and all below it with it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

struct node {
    struct node *left, *right;
    int depth;
};

static NOINLINE struct node *plant(int depth)
{
    struct node *node = calloc(1, sizeof *node); // <- leak: definite 24 bytes in 1 (+ 336 in 14), indirect 336 bytes in 14
    node->depth = depth;
    if (depth > 1) {
        node->left = plant(depth - 1);
        node->right = plant(depth - 1);
    }
    return node;
}

static NOINLINE void work(void)
{
    plant(4);
}

int main(void)
{
    work();
    clobber();
}
