// How much memory threads take that allocate a little and then wait: prints the bytes of one of them, measured on
// 800; and what is left of one that has ended, measured on 2,000 that came and went in turns.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { FIRST = 200, MORE = 800, WAVES = 10 };
static pthread_t threads[FIRST + MORE];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready, go;

static void *work(void *unused)
{
    char *some[3];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            some[i] = malloc(30 + 100 * i);
        for (int i = 0; i < 3; i++)
            free(some[i]);
    }
    pthread_mutex_lock(&mutex);
    ready++;
    pthread_cond_broadcast(&changed);
    while (!go)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

// Anonymous memory in bytes, counted in the page tables: the kernel's counters lag behind.
static long anonymous(void)
{
    static char text[4096];
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    const char *line = strstr(text, "\nAnonymous:");
    if (!line) {
        puts("the kernel does not tell");
        exit(2);
    }
    return 1024 * atol(line + strlen("\nAnonymous:"));
}

static void begin(int from, int to)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (int i = from; i < to; i++)
        if (pthread_create(&threads[i], &attributes, work, NULL)) {
            printf("only %d threads\n", i);
            exit(2);
        }
    pthread_mutex_lock(&mutex);
    while (ready < to)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void end(int count)
{
    pthread_mutex_lock(&mutex);
    go = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    ready = go = 0;
}

int main(void)
{
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    begin(0, FIRST);
    long before = anonymous();
    begin(FIRST, FIRST + MORE);
    long one = (anonymous() - before) / MORE;
    end(FIRST + MORE);

    before = anonymous();
    for (int wave = 0; wave < WAVES; wave++) {
        begin(0, FIRST);
        end(FIRST);
    }
    long left = (anonymous() - before) / (WAVES * FIRST);
    printf("%ld %ld\n", one, left);
    return 0;
}
