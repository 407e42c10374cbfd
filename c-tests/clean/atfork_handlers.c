// Handlers of pthread_atfork that allocate and free, in all three places.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char *kept;

static void before(void) { kept = malloc(100); }
static void in_parent(void) { free(kept); free(malloc(10)); }
static void in_child(void) { free(kept); kept = malloc(20); }

int main(void)
{
    pthread_atfork(before, in_parent, in_child);
    int good = 0;
    for (int i = 0; i < 20; i++) {
        int status;
        if (fork() == 0) {
            free(kept);
            exit(0);
        }
        wait(&status);
        good += status == 0;
    }
    printf("%d good children\n", good);
    return 0;
}
