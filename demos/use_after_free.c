#include <stdio.h>
#include <stdlib.h>

struct node {
    char name[24];
    struct node *next;
};

static struct node *push(struct node *list, const char *name) {
    struct node *node = malloc(sizeof *node);
    snprintf(node->name, sizeof node->name, "%s", name);
    node->next = list;
    return node;
}

static void free_list(struct node *list) {
    for (struct node *node = list; node != NULL; node = node->next) /* BUG: next of a freed node */
        free(node);
}

void fencepost_demo_use_after_free(void) {
    struct node *list = push(push(push(NULL, "gate"), "rail"), "post");
    printf("the list starts with %s\n", list->name);
    free_list(list);
}
