// Threads that allocate, free each other's objects and fork now and then. Each object is filled
// with a pattern made of its size and a seed; who takes it out of the mailbox checks every byte.
// Usage: stress SECONDS. Exit code 0 and the line "intact" mean that no object was lost or changed.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, BOXES = 4096 };

struct object {
    size_t size; // of the whole object
    unsigned seed;
    unsigned char bytes[];
};

static _Atomic(struct object *) mailbox[BOXES];
static atomic_int over, damaged;
static atomic_long sent, received, good_children, bad_children;

static unsigned next(unsigned long *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static size_t choose_size(unsigned random)
{
    size_t most = random % 64 == 0 ? 20000 : random % 8 == 0 ? 2000 : 120;
    return sizeof(struct object) + random / 64 % most;
}

static void fill(struct object *object, size_t size, unsigned seed)
{
    object->size = size;
    object->seed = seed;
    for (size_t i = 0; i < size - sizeof *object; i++)
        object->bytes[i] = (unsigned char)(seed + i * 31);
}

static int is_intact(const struct object *object)
{
    for (size_t i = 0; i < object->size - sizeof *object; i++)
        if (object->bytes[i] != (unsigned char)(object->seed + i * 31))
            return 0;
    return 1;
}

static struct object *make(unsigned long *state)
{
    size_t size = choose_size(next(state));
    unsigned seed = next(state);
    struct object *made;
    switch (seed % 4) {
    case 0:
        made = calloc(1, size);
        break;
    case 1:
        if (posix_memalign((void **)&made, 64, size))
            made = NULL;
        break;
    case 2:
        made = malloc(size / 2 + sizeof *made);
        fill(made, size / 2 + sizeof *made, seed);
        made = realloc(made, size + size / 2);
        damaged |= !is_intact(made);
        made = realloc(made, size);
        break;
    default:
        made = malloc(size);
    }
    fill(made, size, seed);
    return made;
}

static void drop(struct object *object)
{
    damaged |= !is_intact(object);
    free(object);
}

// What a child does: it allocates, and frees a part of what it inherited.
static int live_as_child(unsigned long state)
{
    for (int i = 0; i < 200; i++)
        drop(make(&state));
    for (int box = next(&state) % 8; box < BOXES; box += 8) {
        struct object *inherited = atomic_exchange(&mailbox[box], NULL);
        if (inherited)
            drop(inherited);
    }
    return damaged ? 1 : 42;
}

static void fork_once(unsigned long *state)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(live_as_child(*state));
    if (child > 0 && waitpid(child, &status, 0) == child)
        *(WIFEXITED(status) && WEXITSTATUS(status) == 42 ? &good_children : &bad_children) += 1;
}

static void *work(void *argument)
{
    unsigned long state = (unsigned long)argument * 7919 + 1;
    for (long round = 1; !over; round++) {
        struct object *mine = make(&state);
        struct object *theirs = atomic_exchange(&mailbox[next(&state) % BOXES], mine);
        sent++;
        if (theirs) {
            drop(theirs);
            received++;
        }
        if (round % 5000 == 0)
            fork_once(&state);
    }
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    unsigned seconds = count > 1 ? (unsigned)atoi(arguments[1]) : 5;
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    sleep(seconds);
    over = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int box = 0; box < BOXES; box++)
        if (mailbox[box]) {
            drop(mailbox[box]);
            received++;
        }
    int lost = sent != received;
    if (damaged || lost || bad_children)
        printf("damaged %d, sent %ld, received %ld, bad children %ld\n", damaged, sent, received, bad_children);
    else
        puts("intact");
    return damaged || lost || bad_children;
}
