#include "kit.h"

#include <stdlib.h>
#include <string.h>

static void make_room(struct buffer *buffer, size_t needed)
{
    while (buffer->capacity < needed)
        buffer->capacity *= 2;
    buffer->data = realloc(buffer->data, buffer->capacity);
}

void buffer_init(struct buffer *buffer)
{
    buffer->data = NULL;
    buffer->length = 0;
    buffer->capacity = 16;
    make_room(buffer, 0);
}

void buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
    if (buffer->length + length > buffer->capacity)
        make_room(buffer, buffer->length + length);
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

const char *buffer_text(struct buffer *buffer)
{
    buffer->data[buffer->length] = '\0'; /* BUG 1: a full buffer has no room for it */
    return buffer->data;
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
}
