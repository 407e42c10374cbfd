/* Buffers, lists, maps and texts. */
#ifndef KIT_H
#define KIT_H

#include <stddef.h>

/* Bytes that grow at their end. */
struct buffer {
    char *data;
    size_t length, capacity;
};
void buffer_init(struct buffer *buffer);
void buffer_append(struct buffer *buffer, const char *bytes, size_t length);
void buffer_append_text(struct buffer *buffer, const char *text);
const char *buffer_text(struct buffer *buffer);
void buffer_release(struct buffer *buffer);

/* A singly linked list of numbers. */
struct node {
    struct node *next;
    int value;
};
struct list {
    struct node *first;
    size_t length;
};
void list_push(struct list *list, int value);
int list_pop(struct list *list);
void list_append(struct list *list, int value);
void list_reverse(struct list *list);
int list_sum(const struct list *list);
int list_contains(const struct list *list, int value);
size_t list_remove(struct list *list, int value);
void list_clear(struct list *list);

/* Texts by their names. */
struct map;
struct map *map_new(void);
void map_set(struct map *map, const char *key, const char *value);
const char *map_get(const struct map *map, const char *key);
/* Hands the value over to the caller. */
char *map_take(struct map *map, const char *key);
size_t map_size(const struct map *map);
void map_free(struct map *map);

/* New texts from old ones. */
char *text_copy(const char *text);
char *text_upper(const char *text);
char *text_join(const char *const *parts, size_t count, char between);
char *text_repeat(const char *text, size_t times);
char *text_trim(const char *text);
size_t text_count(const char *text, char sought);

#endif
