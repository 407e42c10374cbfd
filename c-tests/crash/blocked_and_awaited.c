// Signals that are blocked stay pending, for sigwait and the like.
// expect: clean
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    sigaddset(&set, SIGFPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int number = 0;
    kill(getpid(), SIGABRT);
    sigwait(&set, &number);
    printf("waited for %d\n", number);
    kill(getpid(), SIGFPE);
    struct timespec second = {.tv_sec = 1};
    printf("timed wait for %d\n", sigtimedwait(&set, NULL, &second));
    int descriptor = signalfd(-1, &set, 0);
    kill(getpid(), SIGABRT);
    struct signalfd_siginfo info;
    printf("read %d\n", read(descriptor, &info, sizeof info) == sizeof info && info.ssi_signo == SIGABRT);
    return 0;
}
