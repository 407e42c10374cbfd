// Objects of 1 byte to 20 pages, freed here and in another thread, in waves and across forks: fresh
// ones read as zeros, whatever their pages held before.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 600 };

static char *objects[COUNT];
static size_t sizes[COUNT];

static int is_zero(const char *object, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (object[i] != 0)
            return 0;
    return 1;
}

static long fill(unsigned seed)
{
    long bad = 0;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525 + 1013904223;
        sizes[i] = i % 3 ? 1 + (seed >> 8) % 300 : 1 + (seed >> 8) % 80000;
        objects[i] = i % 5 ? malloc(sizes[i]) : aligned_alloc(4096, sizes[i] = (sizes[i] + 4095) & ~4095ul);
        // The native allocator promises zeros to calloc alone; fencepost to all.
        if (getenv("FENCEPOST_OPTIONS") && !is_zero(objects[i], sizes[i]))
            bad++;
        memset(objects[i], 0xa5, sizes[i]);
    }
    return bad;
}

static void *release(void *unused)
{
    for (int i = 0; i < COUNT; i += 2)
        free(objects[i]);
    return unused;
}

int main(void)
{
    long bad = 0;
    for (unsigned round = 0; round < 30; round++) {
        bad += fill(round);
        if (round % 10 == 5 && fork() == 0) {
            release(NULL);
            for (int i = 1; i < COUNT; i += 2)
                free(objects[i]);
            _exit(fill(round) != 0);
        }
        pthread_t thread;
        pthread_create(&thread, NULL, release, NULL);
        for (int i = 1; i < COUNT; i += 2)
            free(objects[i]);
        pthread_join(thread, NULL);
        int status = 0;
        if (round % 10 == 5 && (wait(&status) < 0 || status != 0))
            bad++;
    }
    printf("%ld objects were not zeros\n", bad);
    return 0;
}
