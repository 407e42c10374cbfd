#include "kit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(malloc(size), text, size);
}

char *text_upper(const char *text)
{
    char *upper = text_copy(text);
    size_t end = strlen(upper);
#ifdef KIT_FOURTH_BUG
    end += 2; /* BUG 4: the text has one byte more */
#endif
    for (size_t at = 0; at < end; at++)
        upper[at] = (char)toupper((unsigned char)upper[at]);
    return upper;
}

char *text_join(const char *const *parts, size_t count, char between)
{
    struct buffer joined;
    buffer_init(&joined);
    for (size_t part = 0; part < count; part++) {
        if (part > 0)
            buffer_append(&joined, &between, 1);
        buffer_append_text(&joined, parts[part]);
    }
    buffer_append(&joined, "", 1);
    return joined.data;
}

char *text_repeat(const char *text, size_t times)
{
    size_t length = strlen(text);
    char *repeated = malloc(length * times + 1);
    for (size_t time = 0; time < times; time++)
        memcpy(repeated + time * length, text, length);
    repeated[length * times] = '\0';
    return repeated;
}

char *text_trim(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *trimmed = text_copy(text);
    size_t length = strlen(trimmed);
    while (length > 0 && isspace((unsigned char)trimmed[length - 1]))
        length--;
    trimmed[length] = '\0';
    return trimmed;
}

size_t text_count(const char *text, char sought)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == sought;
    return count;
}
