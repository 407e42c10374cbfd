// The loop that every contender is timed on: fill with LIVE objects, then drop one at random and
// take a new one, then drop all. Figures go to standard output as `name=value` words, in
// nanoseconds: `*_cpu` is the thread's own CPU time, `*_wall` the time that passed.
//
// The includer defines what an object is.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct worker {
    long number, live;
    double pair_ns;
    uint64_t random;
    void **objects;
    double grow_cpu, pair_cpu, drain_cpu, grow_wall, pair_wall, drain_wall;
    long pairs;
};

// Takes an object and writes to it.
static void *acquire(struct worker *worker);
static void release(struct worker *worker, void *object);
// `release`, then `acquire`.
static void *replace(struct worker *worker, void *object);

static pthread_barrier_t everyone;

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static uint64_t next_random(struct worker *worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    return worker->random ^= worker->random << 17;
}

#define TIMED(phase, count, work)                                         \
    do {                                                                  \
        pthread_barrier_wait(&everyone);                                  \
        double cpu = now(CLOCK_THREAD_CPUTIME_ID);                        \
        double wall = now(CLOCK_MONOTONIC);                               \
        work;                                                             \
        worker->phase##_wall = (now(CLOCK_MONOTONIC) - wall) / (count);   \
        worker->phase##_cpu = (now(CLOCK_THREAD_CPUTIME_ID) - cpu) / (count); \
    } while (0)

static void replace_until(struct worker *worker, double deadline)
{
    do {
        for (int i = 0; i < 64; i++) {
            void **object = &worker->objects[next_random(worker) % worker->live];
            *object = replace(worker, *object);
        }
        worker->pairs += 64;
    } while (now(CLOCK_MONOTONIC) < deadline);
}

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    long live = worker->live;
    TIMED(grow, live, for (long i = 0; i < live; i++) worker->objects[i] = acquire(worker));
    TIMED(pair, worker->pairs, replace_until(worker, wall + worker->pair_ns));
    TIMED(drain, live, for (long i = 0; i < live; i++) release(worker, worker->objects[i]));
    return NULL;
}

// Runs THREADS workers with LIVE objects each, replacing for MILLISECONDS, and prints the mean over
// the workers.
static int run_loop(long live, long milliseconds, long threads)
{
    struct worker workers[threads];
    pthread_t handles[threads];
    memset(workers, 0, sizeof workers);
    pthread_barrier_init(&everyone, NULL, threads);
    for (long i = 0; i < threads; i++) {
        struct worker *worker = &workers[i];
        worker->number = i;
        worker->live = live;
        worker->pair_ns = milliseconds * 1e6;
        worker->random = 88172645463325252u + i;
        // Not from malloc, which is what is timed; touched beforehand.
        worker->objects = mmap(NULL, live * sizeof(void *), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (i > 0)
            pthread_create(&handles[i], NULL, run_worker, worker);
    }
    run_worker(&workers[0]);
    for (long i = 1; i < threads; i++)
        pthread_join(handles[i], NULL);
#define PRINT(figure)                                          \
    do {                                                       \
        double sum = 0;                                        \
        for (long i = 0; i < threads; i++)                     \
            sum += workers[i].figure;                          \
        printf(#figure "=%.2f ", sum / threads);               \
    } while (0)
    PRINT(grow_cpu);
    PRINT(pair_cpu);
    PRINT(drain_cpu);
    PRINT(grow_wall);
    PRINT(pair_wall);
    PRINT(drain_wall);
    puts("");
    return 0;
}
