// pairs LIVE MILLISECONDS THREADS: times malloc and free of objects of 24 to 87 bytes.
// pairs use-after-free: reads a freed object, so that one sees whether anything guards.
#include "loop.h"

static void *acquire(struct worker *worker)
{
    uint64_t *object = malloc(24 + (next_random(worker) >> 20) % 64);
    if (!object)
        abort();
    *(volatile uint64_t *)object = 1;
    return object;
}

static void release(struct worker *worker, void *object)
{
    (void)worker;
    free(object);
}

static void *replace(struct worker *worker, void *object)
{
    release(worker, object);
    return acquire(worker);
}

static int use_after_free(void)
{
    char *volatile object = malloc(40);
    object[0] = 1;
    free(object);
    // What revokes in batches has done so by now.
    for (int i = 0; i < 1000; i++)
        free(malloc(16));
    // Compared, because Valgrind drops a load that nothing uses.
    return ((volatile char *)object)[0] == 'x';
}

int main(int count, char **words)
{
    if (count == 2 && !strcmp(words[1], "use-after-free"))
        return use_after_free();
    if (count != 4)
        return 2;
    return run_loop(atol(words[1]), atol(words[2]), atol(words[3]));
}
