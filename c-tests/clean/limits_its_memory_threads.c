// Limits its address space to 1 GiB: it can map and start threads, which together get no more than the limit.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { THREADS = 3 };
static size_t total;
static pthread_barrier_t barrier;

static void *fill(void *unused)
{
    pthread_barrier_wait(&barrier);
    while (__atomic_load_n(&total, __ATOMIC_RELAXED) < 2ul << 30 && malloc(1 << 20))
        __atomic_add_fetch(&total, 1 << 20, __ATOMIC_RELAXED);
    return NULL;
}

static int can_map(size_t bytes)
{
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start != MAP_FAILED && !munmap(start, bytes);
}

int main(void)
{
    struct rlimit limit = {1ul << 30, 1ul << 30};
    printf("set: %d\n", setrlimit(RLIMIT_AS, &limit));
    printf("1 MiB %d, 2 GiB %d\n", can_map(1 << 20), can_map(2ul << 30));
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        printf("thread: %d\n", pthread_create(&threads[i], NULL, fill, NULL));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    // Natively three stacks of 8 MiB and the spaces of the threads' arenas, 64 MiB each, are in it.
    printf("as much as there is: %d\n", total > 400ul << 20 && total < 1030ul << 20);
    return 0;
}
