// The handler frees what main made, and the other way round: objects change hands by atomic
// exchanges. Natively main and handler keep out of each other's way.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

static int *volatile box;
static volatile int fired, bad, in_allocator;

static void swap(int value)
{
    int *mine = malloc(64);
    *mine = value;
    int *theirs = __atomic_exchange_n(&box, mine, __ATOMIC_SEQ_CST);
    bad += theirs && *theirs != 1 && *theirs != 2;
    free(theirs);
}

static void on_tick(int number)
{
    fired++;
    if (!in_allocator)
        swap(2);
}

int main(void)
{
    struct itimerval interval = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    int native = getenv("LD_PRELOAD") == NULL;
    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &interval, NULL);
    while (fired < 1000) {
        in_allocator = native;
        swap(1);
        in_allocator = 0;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%d bad\n", bad);
    return 0;
}
