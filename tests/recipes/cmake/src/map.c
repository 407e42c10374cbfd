#include "kit.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 8

struct entry {
    struct entry *next;
    char *key, *value;
};

struct map {
    struct entry *chains[CHAINS];
    size_t size;
};

struct map *map_new(void)
{
    return calloc(1, sizeof(struct map));
}

static size_t chain_of(const char *key)
{
    size_t hash = 5381;
    while (*key)
        hash = hash * 33 + (unsigned char)*key++;
    return hash % CHAINS;
}

static struct entry *find(const struct map *map, const char *key)
{
    struct entry *entry = map->chains[chain_of(key)];
    while (entry && strcmp(entry->key, key) != 0)
        entry = entry->next;
    return entry;
}

void map_set(struct map *map, const char *key, const char *value)
{
    struct entry *entry = find(map, key);
    if (!entry) {
        struct entry **chain = &map->chains[chain_of(key)];
        entry = calloc(1, sizeof *entry);
        entry->key = text_copy(key);
        entry->next = *chain;
        *chain = entry;
        map->size++;
    }
    free(entry->value);
    entry->value = text_copy(value);
}

const char *map_get(const struct map *map, const char *key)
{
    struct entry *entry = find(map, key);
    return entry ? entry->value : NULL;
}

char *map_take(struct map *map, const char *key)
{
    struct entry *entry = find(map, key);
    return entry ? entry->value : NULL; /* BUG 3: map_free will free it, too */
}

size_t map_size(const struct map *map)
{
    return map->size;
}

void map_free(struct map *map)
{
    for (size_t chain = 0; chain < CHAINS; chain++) {
        struct entry *entry = map->chains[chain];
        while (entry) {
            struct entry *next = entry->next;
            free(entry->key);
            free(entry->value);
            free(entry);
            entry = next;
        }
    }
    free(map);
}
