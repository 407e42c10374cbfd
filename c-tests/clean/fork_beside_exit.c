// Children whose main thread ends the process while their other threads fork, print, allocate and end too.
// The signal that ends some of them comes to the main thread: natively too, a thread that it meets within fork could
// not end the process, as it holds the locks of malloc.
// expect: clean
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void at_end(void) { free(malloc(64)); }

static void *fork_often(void *unused)
{
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            free(malloc(10));
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

static void *print_often(void *unused)
{
    FILE *null = fopen("/dev/null", "w");
    for (;;) {
        char *text;
        if (asprintf(&text, "%d", 5) > 0)
            fputs(text, null);
        free(text);
        fflush(NULL);
    }
}

static void live(int which)
{
    pthread_t thread;
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    atexit(at_end);
    at_quick_exit(at_end);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    pthread_create(&thread, NULL, fork_often, NULL);
    pthread_create(&thread, NULL, print_often, NULL);
    pthread_sigmask(SIG_UNBLOCK, &term, NULL);
    usleep(which * 500);
    switch (which % 4) {
    case 0:
        exit(7);
    case 1:
        quick_exit(7);
    case 2:
        _exit(7);
    default:
        kill(getpid(), SIGTERM);
        pause();
    }
}

int main(void)
{
    int good = 0;
    signal(SIGTERM, quick_exit);
    for (int i = 0; i < 40; i++) {
        int status;
        if (fork() == 0)
            live(i);
        wait(&status);
        good += status == 7 << 8 || status == SIGTERM << 8;
    }
    printf("%d good children\n", good);
    return 0;
}
