// One thread has a stream and allocates, one flushes all streams, which waits for that one with libc's list of
// streams locked, and one forks, which needs the list (glibc's bug 19431 was its malloc's part in this).
// expect: clean
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 5 };

static FILE *stream;
static pthread_barrier_t begin;
static atomic_int is_owned;

static void *own(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        flockfile(stream);
        pthread_barrier_wait(&begin);
        usleep(30000);
        for (int i = 0; i < 1000; i++) {
            char *p = malloc(24 + i % 9 * 4096);
            p[0] = 1;
            if (i % 2)
                free(p);
        }
        funlockfile(stream);
        pthread_barrier_wait(&begin);
    }
    return NULL;
}

static void *flush(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&begin);
        fflush(NULL);
        pthread_barrier_wait(&begin);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int good = 0;
    stream = fopen("/dev/null", "w");
    pthread_barrier_init(&begin, NULL, 3);
    pthread_create(&threads[0], NULL, own, NULL);
    pthread_create(&threads[1], NULL, flush, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int status;
        pthread_barrier_wait(&begin);
        usleep(10000);
        pid_t child = fork();
        if (child == 0) {
            fputs("child", stream);
            fclose(stream);
            free(malloc(5000));
            _exit(0);
        }
        waitpid(child, &status, 0);
        good += status == 0;
        pthread_barrier_wait(&begin);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
