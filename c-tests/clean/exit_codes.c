// Children end by _exit, exit, quick_exit, abort and a signal; each says what it says natively.
// options: --report-crashes=no
// expect: clean
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void at_end(void)
{
    free(malloc(10));
    putchar('e');
    fflush(stdout);
}

int main(void)
{
    for (int way = 0; way < 5; way++) {
        int status;
        if (fork() == 0) {
            atexit(at_end);
            at_quick_exit(at_end);
            malloc(100);
            switch (way) {
            case 0: _exit(11);
            case 1: exit(12);
            case 2: quick_exit(13);
            case 3: abort();
            case 4: kill(getpid(), SIGTERM);
            }
        }
        wait(&status);
        printf("way %d: status %x\n", way, status & 0xff7f);
        fflush(stdout);
    }
    return 5;
}
