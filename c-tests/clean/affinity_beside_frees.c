// While threads allocate, and are kept on one processor for that, everybody sees the masks that the program has.
// expect: clean
// options: --confine yes
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 3, ROUNDS = 400 };

static atomic_int done, ready;
static pid_t ids[WORKERS];
static cpu_set_t all;
static pthread_mutex_t hopping = PTHREAD_MUTEX_INITIALIZER;

static int is_all(cpu_set_t *mask) { return CPU_EQUAL(mask, &all); }

static int own_mask_is_all(void)
{
    cpu_set_t mask;
    return sched_getaffinity(0, sizeof mask, &mask) == 0 && is_all(&mask);
}

/* Goes to another processor. The next free brings the thread back to the others. */
static void hop(int round)
{
    cpu_set_t one;
    int place = round % CPU_SETSIZE;
    while (!CPU_ISSET(place, &all))
        place = (place + 1) % CPU_SETSIZE;
    CPU_ZERO(&one);
    CPU_SET(place, &one);
    sched_setaffinity(0, sizeof one, &one);
    sched_setaffinity(0, sizeof all, &all);
}

static void *churn(void *number)
{
    ids[(long)number] = syscall(SYS_gettid);
    ready++;
    for (int i = 0; !done; i++) {
        if (number == NULL) {
            pthread_mutex_lock(&hopping);
            hop(i);
            pthread_mutex_unlock(&hopping);
        }
        free(malloc(100));
    }
    return own_mask_is_all() ? number : &all;
}

static void *look_at_inherited(void *unused)
{
    free(malloc(10));
    return own_mask_is_all() ? &all : unused;
}

int main(int count, char **arguments)
{
    sched_getaffinity(0, sizeof all, &all);
    if (count > 1) {
        // A program that was executed has as many processors as its parent.
        printf("%s\n", CPU_COUNT(&all) == atoi(arguments[1]) ? "executed" : "executed with fewer");
        return 0;
    }
    pthread_t threads[WORKERS], one;
    for (long i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, churn, (void *)i);
    while (ready < WORKERS)
        sched_yield();
    int masks = 0, others = 0, numbers = 0, inherited = 0, children = 0, online = 0, status;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 0; i < ROUNDS; i++) {
        cpu_set_t mask;
        int worker = i % 4 ? 0 : i / 4 % WORKERS;
        free(malloc(50));
        masks += own_mask_is_all();
        pthread_mutex_lock(&hopping);
        others += sched_getaffinity(ids[worker], sizeof mask, &mask) == 0 && is_all(&mask);
        others += pthread_getaffinity_np(threads[worker], sizeof mask, &mask) == 0 && is_all(&mask);
        CPU_ZERO(&mask);
        numbers += syscall(SYS_sched_getaffinity, ids[worker], sizeof mask, &mask) > 0 && is_all(&mask);
        pthread_mutex_unlock(&hopping);
        online += sysconf(_SC_NPROCESSORS_ONLN) == processors;
        if (i % 20)
            continue;
        void *result;
        pthread_create(&one, NULL, look_at_inherited, NULL);
        pthread_join(one, &result);
        inherited += result != NULL;
        pid_t child = fork();
        if (child == 0) {
            free(malloc(20));
            _exit(own_mask_is_all() ? 0 : 1);
        }
        waitpid(child, &status, 0);
        children += status == 0;
    }
    printf("%d %d %d %d %d %d\n", masks, others, numbers, online, inherited, children);
    char number[20];
    snprintf(number, sizeof number, "%d", CPU_COUNT(&all));
    fflush(stdout);
    for (int i = 0; i < 5; i++) {
        pid_t child = vfork();
        if (child == 0) {
            execl("/proc/self/exe", arguments[0], number, NULL);
            _exit(1);
        }
        waitpid(child, &status, 0);
    }
    done = 1;
    int kept = 0;
    for (int i = 0; i < WORKERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        kept += result == (void *)(long)i;
    }
    printf("%d kept theirs\n", kept);
    return 0;
}
