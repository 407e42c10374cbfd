#include "check.h"
#include "kit.h"

#include <string.h>

void test_buffer_starts_empty(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    CHECK(buffer.length == 0 && strcmp(buffer_text(&buffer), "") == 0);
    buffer_release(&buffer);
}

void test_buffer_append(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append(&buffer, "abc", 3);
    buffer_append(&buffer, "de", 2);
    CHECK(strcmp(buffer_text(&buffer), "abcde") == 0);
    buffer_release(&buffer);
}

void test_buffer_append_nothing(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append(&buffer, "", 0);
    CHECK(buffer.length == 0);
    buffer_release(&buffer);
}

void test_buffer_append_zeros(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append(&buffer, "a\0b", 3);
    CHECK(buffer.length == 3 && buffer.data[2] == 'b');
    buffer_release(&buffer);
}

void test_buffer_grows(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    for (int number = 0; number < 1000; number++)
        buffer_append(&buffer, "x", 1);
    CHECK(buffer.length == 1000 && buffer.capacity == 1024);
    CHECK(strlen(buffer_text(&buffer)) == 1000);
    buffer_release(&buffer);
}

/* Shows bug 1. */
void test_buffer_of_one_line(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_append_text(&buffer, "sixteen letters.");
    CHECK(strncmp(buffer_text(&buffer), "sixteen", 7) == 0);
    buffer_release(&buffer);
}

/* Shows bug 1. */
void test_buffer_of_lines(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    for (int line = 0; line < 4; line++)
        buffer_append_text(&buffer, "sixteen letters\n");
    CHECK(strncmp(buffer_text(&buffer) + 16, "sixteen", 7) == 0);
    buffer_release(&buffer);
}

void test_buffer_release_twice(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_release(&buffer);
    buffer_release(&buffer);
    CHECK(buffer.data == NULL);
}
