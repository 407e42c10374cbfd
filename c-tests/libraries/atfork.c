// Its constructor, which runs before those of preloaded libraries, allocates and registers handlers of fork
// that allocate.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char *kept;
static int calls;

static void before(void) { kept = malloc(1 << 20); }
static void after(void) { free(kept); kept = NULL; free(malloc(30)); calls++; }

static __attribute__((constructor)) void begin(void)
{
    free(malloc(200));
    pthread_atfork(before, after, after);
}

int atfork_calls(void) { return calls; }
