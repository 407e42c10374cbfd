// Many threads at once, with stacks of the least size and all signals blocked. The argument says how many.
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready, go;

static void *work(void *argument)
{
    long self = (long)argument, bad = 0;
    char *text = malloc(20);
    sprintf(text, "thread %ld", self);
    text = realloc(text, 5000);
    pthread_mutex_lock(&mutex);
    ready++;
    pthread_cond_broadcast(&changed);
    while (!go)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    bad += atol(text + strlen("thread ")) != self;
    free(text);
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    bad += !sigismember(&blocked, SIGSEGV) || !sigismember(&blocked, SIGTERM);
    return (void *)bad;
}

int main(int count, char **arguments)
{
    long wanted = count > 1 ? atol(arguments[1]) : 1, made = 0, bad = 0;
    pthread_t *threads = calloc(wanted, sizeof *threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    int error = 0;
    while (made < wanted && !(error = pthread_create(&threads[made], &attributes, work, (void *)made)))
        made++;
    pthread_mutex_lock(&mutex);
    while (ready < made)
        pthread_cond_wait(&changed, &mutex);
    go = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    for (long i = 0; i < made; i++) {
        void *result;
        pthread_join(threads[i], &result);
        bad += (long)result;
    }
    free(threads);
    printf("%ld threads, %ld bad, %s\n", made, bad, error ? strerror(error) : "no error");
    return error != 0;
}
