// A handler that interrupts the thread anywhere in malloc, free, realloc and snprintf forks; child and parent go
// on where they were interrupted.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 60 };

static volatile int forks, good, is_child;

static void on_alarm(int signal)
{
    if (forks >= FORKS || is_child)
        return;
    forks++;
    pid_t child = fork();
    if (child == 0)
        is_child = 1;
    else if (child > 0) {
        int status;
        waitpid(child, &status, 0);
        good += status == 0;
    }
}

static void work(int i)
{
    char text[64], *p = malloc(16 + i % 50 * 100);
    memset(p, i, 16);
    p = realloc(p, 200);
    snprintf(text, sizeof text, "%d %p", i, (void *)p);
    free(p);
}

int main(void)
{
    struct itimerval often = {{0, 3000}, {0, 3000}};
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; forks < FORKS && !is_child; i++)
        work(i);
    if (is_child) {
        for (int i = 0; i < 100; i++)
            work(i);
        _exit(0);
    }
    printf("%d good children\n", good);
    return 0;
}
