#include <stdio.h>
#include <stdlib.h>

struct node {
    int value;
    struct node *next;
};

static struct node *push(struct node *next, int value) {
    struct node *node = malloc(sizeof *node);
    node->value = value;
    node->next = next;
    return node;
}

static void drop(struct node *list) {
    for (struct node *node = list; node != NULL; node = node->next) // <- bug
        free(node);
}

int main(void) {
    drop(push(push(NULL, 1), 2));
    puts("done");
}
