// A process forks while other threads allocate; the children allocate and free too.
// expect: clean
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int done;

static void *churn(void *unused)
{
    while (!done) {
        char *p = malloc(100);
        memset(p, 1, 100);
        free(realloc(p, 300));
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    int good = 0, status;
    char *inherited = strdup("inherited");
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (int j = 0; j < 100; j++)
                free(malloc(50 + j));
            int ok = strcmp(inherited, "inherited") == 0;
            free(inherited);
            _exit(ok ? 0 : 1);
        }
        waitpid(child, &status, 0);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    done = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
