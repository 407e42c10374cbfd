// Two threads free or resize the same argv[2] objects of argv[3] bytes at the same time, as argv[1] says; one of
// them is wrong each time.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void **objects;
static size_t count, size;
static pthread_barrier_t start;

static void *frees(void *unused)
{
    for (size_t i = 0; i < count; i++) {
        pthread_barrier_wait(&start);
        free(objects[i]);
    }
    return NULL;
}

static void *resizes(void *unused)
{
    for (size_t i = 0; i < count; i++) {
        pthread_barrier_wait(&start);
        char *moved = realloc(objects[i], size + 1);
        if (moved) {
            if (moved[0] != 7 || moved[size - 1] != 7)
                puts("wrong contents");
            free(moved);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    void *(*first)(void *) = strstr(argv[1], "free") ? frees : resizes;
    void *(*second)(void *) = strstr(argv[1], "realloc") ? resizes : frees;
    count = strtoul(argv[2], 0, 10), size = strtoul(argv[3], 0, 10);
    objects = calloc(count, sizeof *objects);
    for (size_t i = 0; i < count; i++)
        memset(objects[i] = malloc(size), 7, size);
    pthread_barrier_init(&start, NULL, 2);
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, first, NULL);
    pthread_create(&threads[1], NULL, second, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
