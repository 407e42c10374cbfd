// Two threads race for the same objects, and who takes one out of its place resizes and frees it.
// expect: clean
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 2000 };
static _Atomic(char *) objects[COUNT];
static atomic_int freed, wrong;

static void *take(void *unused)
{
    for (int i = 0; i < COUNT; i++) {
        char *mine = atomic_exchange(&objects[i], NULL);
        if (!mine)
            continue;
        mine = realloc(mine, i % 3 ? 100 : 20);
        wrong += mine[0] != (char)i;
        free(mine);
        freed++;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < COUNT; i++) {
        char *made = malloc(48);
        made[0] = (char)i;
        objects[i] = made;
    }
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%d freed, %d wrong\n", freed, wrong);
    return 0;
}
