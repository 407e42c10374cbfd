// A thread registers handlers of fork, more than libc has room for without allocating, while others fork. They are
// null: glibc 2.36 loses its place when the list moves while one of them is called, natively too. One of fencepost's is
// called, so the list moves only twice here, and forks are few.
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *register_many(void *unused)
{
    for (int i = 0; i < 100; i++) {
        pthread_atfork(NULL, NULL, NULL);
        free(malloc(5000));
    }
    return NULL;
}

static void *fork_often(void *good)
{
    for (int i = 0; i < 10; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        waitpid(child, &status, 0);
        *(int *)good += status == 0;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    int good[2] = {0, 0};
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, i < 1 ? register_many : fork_often, &good[i % 2]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good[0] + good[1]);
    return 0;
}
