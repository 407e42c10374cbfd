// Says "now" and runs into a bug, in the way that argv[1] names; argv[2] says what SIGTERM finds.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_term(int signal) { (void)signal; }

static void *read_freed(void *freed)
{
    return (void *)(long)*(volatile char *)freed;
}

int main(int argc, char **argv)
{
    const char *way = argv[1], *found = argv[2];
    char *freed = malloc(32);
    free(freed);
    if (!strcmp(found, "handled"))
        signal(SIGTERM, on_term);
    else if (!strcmp(found, "ignored"))
        signal(SIGTERM, SIG_IGN);
    else if (!strcmp(found, "blocked")) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
    }
    if (write(1, "now\n", 4) != 4)
        return 2;
    if (!strcmp(way, "free"))
        free(freed);
    else if (!strcmp(way, "overrun"))
        ((volatile char *)malloc(32))[32] = 1;
    else if (!strcmp(way, "call"))
        memset(malloc(32), 1, 48);
    else if (!strcmp(way, "leak")) {
        for (int i = 0; i < 200; i++)
            *(void *volatile *)&freed = malloc(100 + i);
        exit(0);
    }
    else if (!strcmp(way, "abort"))
        abort();
    else if (!strcmp(way, "threads")) {
        pthread_t threads[8];
        for (int i = 0; i < 8; i++)
            pthread_create(&threads[i], NULL, read_freed, freed);
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
    } else
        read_freed(freed);
    // Only with keep-going.
    while (1)
        pause();
}
