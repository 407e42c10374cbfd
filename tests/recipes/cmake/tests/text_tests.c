#include "check.h"
#include "kit.h"

#include <string.h>

static void check_and_free(char *text, const char *expected)
{
    CHECK(strcmp(text, expected) == 0);
    free(text);
}

void test_text_copy(void)
{
    check_and_free(text_copy("a text"), "a text");
}

/* Shows the fourth bug, where it is planted. */
void test_text_upper(void)
{
    check_and_free(text_upper("Shout, 3 times!"), "SHOUT, 3 TIMES!");
}

void test_text_join(void)
{
    const char *parts[] = {"usr", "share", "man"};
    check_and_free(text_join(parts, 3, '/'), "usr/share/man");
}

void test_text_join_of_none(void)
{
    check_and_free(text_join(NULL, 0, '/'), "");
}

void test_text_repeat(void)
{
    check_and_free(text_repeat("ab", 3), "ababab");
}

void test_text_repeat_never(void)
{
    check_and_free(text_repeat("ab", 0), "");
}

void test_text_trim(void)
{
    check_and_free(text_trim("  a text \n"), "a text");
}

void test_text_trim_of_spaces(void)
{
    check_and_free(text_trim("   "), "");
}

void test_text_count(void)
{
    CHECK(text_count("banana", 'a') == 3);
}
