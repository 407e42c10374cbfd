#include "check.h"
#include "kit.h"

#include <string.h>

void test_map_starts_empty(void)
{
    struct map *map = map_new();
    CHECK(map_size(map) == 0 && map_get(map, "a") == NULL);
    map_free(map);
}

void test_map_set(void)
{
    struct map *map = map_new();
    map_set(map, "colour", "red");
    CHECK(strcmp(map_get(map, "colour"), "red") == 0);
    map_free(map);
}

void test_map_set_again(void)
{
    struct map *map = map_new();
    map_set(map, "colour", "red");
    map_set(map, "colour", "green");
    CHECK(map_size(map) == 1 && strcmp(map_get(map, "colour"), "green") == 0);
    map_free(map);
}

void test_map_get_of_none(void)
{
    struct map *map = map_new();
    map_set(map, "colour", "red");
    CHECK(map_get(map, "color") == NULL);
    map_free(map);
}

void test_map_of_many(void)
{
    struct map *map = map_new();
    char key[16];
    for (int number = 0; number < 200; number++) {
        snprintf(key, sizeof key, "key %d", number);
        map_set(map, key, key + 4);
    }
    CHECK(map_size(map) == 200 && strcmp(map_get(map, "key 123"), "123") == 0);
    map_free(map);
}

void test_map_take_of_none(void)
{
    struct map *map = map_new();
    CHECK(map_take(map, "colour") == NULL);
    map_free(map);
}

static char *title;

/* Shows bug 3. Without a guard it passes: the memory has become the title meanwhile. */
void test_map_take(void)
{
    struct map *map = map_new();
    map_set(map, "title", "About maps");
    char *old = map_take(map, "title");
    CHECK(strcmp(old, "About maps") == 0);
    free(old);
    title = text_copy("About sets");
    map_free(map);
}
