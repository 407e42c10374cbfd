#include "kit.h"

#include <stdlib.h>

static struct node *new_node(int value, struct node *next)
{
    struct node *node = malloc(sizeof *node);
    node->value = value;
    node->next = next;
    return node;
}

void list_push(struct list *list, int value)
{
    list->first = new_node(value, list->first);
    list->length++;
}

int list_pop(struct list *list)
{
    struct node *node = list->first;
    int value = node->value;
    list->first = node->next;
    list->length--;
    free(node);
    return value;
}

void list_append(struct list *list, int value)
{
    struct node **end = &list->first;
    while (*end)
        end = &(*end)->next;
    *end = new_node(value, NULL);
    list->length++;
}

void list_reverse(struct list *list)
{
    struct node *reversed = NULL;
    while (list->first) {
        struct node *node = list->first;
        list->first = node->next;
        node->next = reversed;
        reversed = node;
    }
    list->first = reversed;
}

int list_sum(const struct list *list)
{
    int sum = 0;
    for (const struct node *node = list->first; node; node = node->next)
        sum += node->value;
    return sum;
}

int list_contains(const struct list *list, int value)
{
    for (const struct node *node = list->first; node; node = node->next)
        if (node->value == value)
            return 1;
    return 0;
}

size_t list_remove(struct list *list, int value)
{
    size_t removed = 0;
    struct node **link = &list->first;
    while (*link) {
        struct node *node = *link;
        if (node->value == value) {
            *link = node->next;
            free(node);
            list->length--;
            removed += node->value == value; /* BUG 2: it is freed */
        } else {
            link = &node->next;
        }
    }
    return removed;
}

void list_clear(struct list *list)
{
    while (list->first)
        list_pop(list);
}
