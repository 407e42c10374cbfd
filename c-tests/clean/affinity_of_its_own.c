// A program that places its threads itself: each stays where it was put, whatever it frees.
// expect: clean
// options: --confine yes
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 4, ROUNDS = 2000 };

static int places[MOST];
static atomic_int done;

static void *stay(void *number)
{
    int place = places[(long)number];
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(place, &mask);
    if (sched_setaffinity(0, sizeof mask, &mask) != 0)
        return "it could not be set";
    for (int i = 0; i < ROUNDS; i++) {
        free(malloc(100));
        if (sched_getcpu() != place)
            return "it was elsewhere";
    }
    cpu_set_t now;
    sched_getaffinity(0, sizeof now, &now);
    return CPU_EQUAL(&now, &mask) ? "it stayed" : "its mask has changed";
}

static void *churn(void *unused)
{
    while (!done)
        free(malloc(100));
    return unused;
}

int main(void)
{
    cpu_set_t all, mask;
    pthread_t threads[MOST], other;
    sched_getaffinity(0, sizeof all, &all);
    for (int cpu = 0, count = 0; count < MOST; cpu = (cpu + 1) % CPU_SETSIZE)
        if (CPU_ISSET(cpu, &all))
            places[count++] = cpu;
    // Another thread places this one, while it allocates.
    pthread_create(&other, NULL, churn, NULL);
    CPU_ZERO(&mask);
    CPU_SET(places[1], &mask);
    printf("placed: %d\n", pthread_setaffinity_np(other, sizeof mask, &mask));
    CPU_ZERO(&mask);
    pthread_getaffinity_np(other, sizeof mask, &mask);
    printf("on %d processor, the right one: %d\n", CPU_COUNT(&mask), CPU_ISSET(places[1], &mask));
    done = 1;
    pthread_join(other, NULL);
    for (long i = 0; i < MOST; i++)
        pthread_create(&threads[i], NULL, stay, (void *)i);
    for (int i = 0; i < MOST; i++) {
        void *said;
        pthread_join(threads[i], &said);
        printf("%s\n", (char *)said);
    }
    // Errors are the kernel's.
    CPU_ZERO(&mask);
    printf("%d %d\n", sched_setaffinity(0, sizeof mask, &mask), sched_getaffinity(-1, sizeof mask, &mask));
    printf("%ld\n", syscall(SYS_sched_setaffinity, 0, sizeof all, &all));
    return 0;
}
