// Threads begin and end, by return, by pthread_exit and by cancellation, while others fork; the children make
// threads too.
// expect: clean
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int over, good;
static pthread_key_t key;

static void *live(void *how)
{
    char *p = malloc(100);
    pthread_setspecific(key, malloc(50));
    free(p);
    if ((long)how % 3 == 1)
        pthread_exit(NULL);
    while ((long)how % 3 == 2)
        pause();
    return NULL;
}

static void make_threads(void)
{
    pthread_t threads[3];
    for (long i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, live, (void *)i);
    pthread_cancel(threads[2]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static void *make_often(void *unused)
{
    while (!over)
        make_threads();
    return NULL;
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < 30; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            make_threads();
            _exit(0);
        }
        waitpid(child, &status, 0);
        good += status == 0;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    pthread_key_create(&key, free);
    make_threads(); // the first cancellation loads a library, which a child of a fork beside it could not use natively
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i < 2 ? make_often : fork_often, NULL);
    for (int i = 2; i < 4; i++)
        pthread_join(threads[i], NULL);
    over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
