// Threads run commands by popen and system while others flush all streams, fork and allocate.
// expect: clean
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int over, good;

static void *run_often(void *unused)
{
    for (int i = 0; i < 8; i++) {
        char text[16] = "";
        // Two at a time: to leave the other's stream out, popen allocates.
        FILE *one = popen("echo one", "r"), *two = popen("cat >/dev/null", "w");
        fputs("to cat", two);
        fgets(text, sizeof text, one);
        good += strcmp(text, "one\n") == 0;
        good += pclose(two) == 0;
        good += pclose(one) == 0;
        good += system(":") == 0;
    }
    return NULL;
}

static void *flush_often(void *unused)
{
    FILE *null = fopen("/dev/null", "w");
    while (!over) {
        char *p = malloc(10);
        fprintf(null, "%p", (void *)p);
        free(p);
        fflush(NULL);
    }
    return NULL;
}

static void *fork_often(void *unused)
{
    while (!over) {
        pid_t child = fork();
        if (child == 0) {
            free(malloc(100));
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[5];
    void *(*what[5])(void *) = {run_often, run_often, flush_often, flush_often, fork_often};
    for (int i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, what[i], NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    over = 1;
    for (int i = 2; i < 5; i++)
        pthread_join(threads[i], NULL);
    printf("%d of 64 good\n", good);
    return 0;
}
