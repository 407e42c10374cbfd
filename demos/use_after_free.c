#include <stdio.h>
#include <stdlib.h>

struct node {
    int value;
    struct node *next;
};

static struct node *push(struct node *list, int value) {
    struct node *node = malloc(sizeof *node);
    node->value = value;
    node->next = list;
    return node;
}

static void free_list(struct node *list) {
    for (struct node *node = list; node != NULL; node = node->next) /* BUG: next of a freed node */
        free(node);
}

void fencepost_demo_use_after_free(void) {
    struct node *list = push(push(push(NULL, 3), 2), 1);
    printf("the list starts with %d\n", list->value);
    free_list(list);
}
