// Gets the signal at which it looks for leaks, in main and in a thread, and goes on.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ran;

static void on_signal(int number) {
    (void)number;
    ran = 1;
}

__attribute__((noinline)) static void lose(int count) {
    while (count--) {
        char *volatile lost = malloc(24);
        lost[0] = 1;
        lost = NULL;
    }
}

__attribute__((noinline)) static void clobber(void) {
    volatile char room[8192];
    memset((void *)room, 0, sizeof room);
}

static void *signal_itself(void *unused) {
    raise(SIGUSR2);
    return unused;
}

int main(void) {
    pthread_t thread;
    signal(SIGUSR2, on_signal);
    lose(5);
    clobber();
    raise(SIGUSR2);
    pthread_create(&thread, NULL, signal_itself, NULL);
    pthread_join(thread, NULL);
    printf("the program's handler ran: %d\n", (int)ran);
    return signal(SIGUSR2, SIG_DFL) == on_signal ? 0 : 1;
}
