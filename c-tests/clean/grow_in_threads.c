// Threads grow strings, and hand each on to the next, which goes on with it.
// expect: clean

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, STEPS = 30000 };

struct text { char *bytes; size_t size; };

static void *grow(void *argument)
{
    struct text *text = argument;
    for (int i = 0; i < STEPS; i++) {
        text->bytes = realloc(text->bytes, ++text->size);
        text->bytes[text->size - 1] = (char)text->size;
    }
    return NULL;
}

int main(void)
{
    struct text texts[THREADS] = {0};
    size_t wrong = 0;
    for (int round = 0; round < 3; round++) {
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, grow, &texts[(i + round) % THREADS]);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        for (size_t at = 0; at < texts[i].size; at++)
            wrong += texts[i].bytes[at] != (char)(at + 1);
        free(texts[i].bytes);
    }
    printf("%zu wrong\n", wrong);
    return 0;
}
