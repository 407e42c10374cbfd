// malloc and free in the handler of a 1 ms timer and in main, for 1,000 signals: no deadlock, no
// corruption. glibc promises no such thing, so natively (nothing preloaded) the handler leaves the
// allocator alone while main is in it.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static volatile int fired, bad, in_allocator;

static void on_tick(int number)
{
    fired++;
    if (in_allocator)
        return;
    char *p = malloc(100 + fired % 1000);
    memset(p, fired, 100);
    bad += p[99] != (char)fired;
    free(p);
}

int main(void)
{
    struct itimerval interval = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    int native = getenv("LD_PRELOAD") == NULL;
    signal(SIGALRM, on_tick);
    setitimer(ITIMER_REAL, &interval, NULL);
    while (fired < 1000) {
        in_allocator = native;
        char *p = malloc(fired % 300 + 1);
        p[0] = 1;
        p = realloc(p, 1000);
        bad += p[0] != 1;
        free(p);
        in_allocator = 0;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%d bad\n", bad);
    return 0;
}
