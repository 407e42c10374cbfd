// Programs with many bugs, by argument; each ends by itself.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char *stale(size_t size)
{
    char *volatile p = malloc(size);
    free(p);
    return p;
}

static int read_byte(volatile char *p)
{
    return *p;
}

static void write_byte(volatile char *p)
{
    *p = 1;
}

// 1000 reads of one place, and another.
static int loop(void)
{
    char *p = stale(48);
    int sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += read_byte(p);
    write_byte(p);
    // What was written is not there any more.
    sum += read_byte(p);
    return sum;
}

// One instruction with two bad operands.
static int movs(void)
{
    char *from = stale(48), *to = stale(48);
    long tail = 7;
    __asm__ volatile("movsq; movq %3, %2" : "+S"(from), "+D"(to), "=m"(tail) : "r"(8L) : "memory");
    return tail == 8 ? 0 : 1;
}

// A repeated instruction over freed pages and the guards between.
static int rep(void)
{
    char *p = stale(20000);
    unsigned long count = 20000 + 100;
    __asm__ volatile("rep stosb" : "+D"(p), "+c"(count) : "a"(0) : "memory");
    return count == 0 ? 0 : 1;
}

// After thousands of others the stretch of the first has collapsed.
static int collapsed(void)
{
    char *p = stale(48);
    for (int i = 0; i < 5000; i++)
        stale(48);
    return read_byte(p);
}

static void *err(void *shared)
{
    for (int i = 0; i < 200; i++) {
        char *p = stale(48);
        write_byte(p);
        if (read_byte(p) != 0)
            exit(3);
        read_byte(shared);
        free(p);
    }
    return NULL;
}

static int threads(void)
{
    pthread_t threads[4];
    char *shared = stale(100);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, err, shared);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

// Children begin while other threads have pages open; in none of them is one left open.
static int forks(void)
{
    pthread_t thread;
    char *shared = stale(100);
    pthread_create(&thread, NULL, err, shared);
    for (int i = 0; i < 8; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            write_byte(shared);
            write_byte(shared);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (status != 0)
            return 2;
    }
    pthread_join(thread, NULL);
    return 0;
}

static volatile int ticks;
static char *volatile ticked;

static void tick(int number)
{
    ticks++;
    read_byte(ticked);
}

// A timer's handler has bugs of its own, while the program has.
static int timer(void)
{
    struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_handler = tick };
    char *p = stale(48);
    ticked = stale(48);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (ticks < 100)
        write_byte(p);
    setitimer(ITIMER_REAL, &never, NULL);
    return 0;
}

// Traps of others, sent while steps go on.
static volatile int sent_traps, stop;

static void trapped(int number)
{
    sent_traps++;
}

static void *send_traps(void *to)
{
    for (int i = 0; i < 200; i++) {
        int before = sent_traps;
        pthread_kill(*(pthread_t *)to, SIGTRAP);
        while (sent_traps == before)
            usleep(1);
    }
    stop = 1;
    return NULL;
}

static int traps(void)
{
    pthread_t thread, self = pthread_self();
    char *p = stale(48);
    signal(SIGTRAP, trapped);
    pthread_create(&thread, NULL, send_traps, &self);
    while (!stop)
        write_byte(p);
    pthread_join(thread, NULL);
    return sent_traps == 200 ? 0 : 4;
}

#define PLACE(n) read_byte(p + n);
static int places(void)
{
    char *p = stale(48);
    PLACE(0) PLACE(1) PLACE(2) PLACE(3) PLACE(4) PLACE(5) PLACE(6) PLACE(7)
    return 0;
}

// Into slots that no object has had yet.
static int beyond(void)
{
    char *p = malloc(48);
    memset(p, 1, 20000);
    return 0;
}

int main(int count, char **arguments)
{
    static const struct { const char *name; int (*run)(void); } modes[] = {
        { "loop", loop }, { "movs", movs }, { "rep", rep }, { "collapsed", collapsed },
        { "threads", threads }, { "forks", forks }, { "timer", timer }, { "traps", traps },
        { "places", places }, { "beyond", beyond },
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (count > 1 && strcmp(arguments[1], modes[i].name) == 0)
            return modes[i].run();
    return 9;
}
