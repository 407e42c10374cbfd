#include "check.h"
#include "kit.h"

static struct list numbers(int count)
{
    struct list list = {0};
    for (int number = 0; number < count; number++)
        list_append(&list, number);
    return list;
}

void test_list_starts_empty(void)
{
    struct list list = {0};
    list_clear(&list);
    CHECK(list.first == NULL && list_sum(&list) == 0);
}

void test_list_push(void)
{
    struct list list = {0};
    list_push(&list, 1);
    list_push(&list, 2);
    CHECK(list.first->value == 2 && list.length == 2);
    list_clear(&list);
}

void test_list_pop(void)
{
    struct list list = numbers(3);
    CHECK(list_pop(&list) == 0 && list_pop(&list) == 1 && list.length == 1);
    list_clear(&list);
}

void test_list_append(void)
{
    struct list list = numbers(5);
    CHECK(list.first->value == 0 && list.length == 5);
    list_clear(&list);
}

void test_list_reverse(void)
{
    struct list list = numbers(4);
    list_reverse(&list);
    CHECK(list.first->value == 3 && list_sum(&list) == 6);
    list_clear(&list);
}

void test_list_sum(void)
{
    struct list list = numbers(100);
    CHECK(list_sum(&list) == 4950);
    list_clear(&list);
}

void test_list_contains(void)
{
    struct list list = numbers(10);
    CHECK(list_contains(&list, 9) && !list_contains(&list, 10));
    list_clear(&list);
}

void test_list_remove_of_none(void)
{
    struct list list = numbers(10);
    list_remove(&list, 10);
    CHECK(list.length == 10);
    list_clear(&list);
}

/* Shows bug 2. */
void test_list_remove_first(void)
{
    struct list list = numbers(10);
    list_remove(&list, 0);
    CHECK(list.length == 9 && list.first->value == 1);
    list_clear(&list);
}

/* Shows bug 2. */
void test_list_remove_last(void)
{
    struct list list = numbers(10);
    list_remove(&list, 9);
    CHECK(list.length == 9 && !list_contains(&list, 9));
    list_clear(&list);
}

/* Shows bug 2. */
void test_list_remove_all(void)
{
    struct list list = {0};
    for (int number = 0; number < 20; number++)
        list_push(&list, 7);
    list_remove(&list, 7);
    CHECK(list.length == 0);
    list_clear(&list);
}

void test_list_clear(void)
{
    struct list list = numbers(1000);
    list_clear(&list);
    CHECK(list.first == NULL && list.length == 0);
}
