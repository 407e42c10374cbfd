// A list whose links are in the middle of its nodes: all that is left are pointers into them.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>

struct link {
    struct link *next;
};

struct item {
    long number[2];
    struct link link;
};

static struct link *head;

static NOINLINE void push(void)
{
    struct item *item = malloc(sizeof *item); // <- leak: possible 72 bytes in 3
    item->number[0] = item->number[1] = 1;
    item->link.next = head;
    head = &item->link;
}

int main(void)
{
    for (int i = 0; i < 3; i++)
        push();
    clobber();
}
