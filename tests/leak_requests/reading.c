// Looks for leaks while other threads read, wait, work and allocate. None of them notices.
#include "../../include/fencepost.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends[2];
static sem_t posted;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static atomic_int begun, is_over;
static int is_changed;

static void *reads(void *unused) {
    char *volatile own = malloc(64);
    char byte;
    begun++;
    ssize_t count = read(ends[0], &byte, 1);
    if (count != 1)
        printf("read: %zd, %s\n", count, strerror(errno));
    free(own);
    return unused;
}

static void *waits(void *unused) {
    char *volatile own = malloc(64);
    begun++;
    if (sem_wait(&posted) != 0)
        perror("sem_wait");
    pthread_mutex_lock(&mutex);
    while (!is_changed)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    free(own);
    return unused;
}

static void *allocates(void *unused) {
    begun++;
    void *objects[16] = {0};
    for (unsigned turn = 0; !is_over; turn++) {
        void **object = &objects[turn % 16];
        free(*object);
        *object = turn % 3 ? malloc(turn % 7000) : calloc(1, 24);
        if (turn % 5 == 0)
            *object = realloc(*object, 300);
    }
    for (int number = 0; number < 16; number++)
        free(objects[number]);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    void *(*const work[])(void *) = {reads, waits, allocates, allocates};
    if (pipe(ends) != 0 || sem_init(&posted, 0, 0) != 0)
        return 1;
    for (int number = 0; number < 4; number++)
        pthread_create(&threads[number], NULL, work[number], NULL);
    while (begun < 4)
        usleep(1000);
    size_t lost = 0;
    for (int turn = 0; turn < 10; turn++)
        lost += fencepost_check_leaks();
    printf("lost: %zu\n", lost);
    is_over = 1;
    sem_post(&posted);
    pthread_mutex_lock(&mutex);
    is_changed = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    if (write(ends[1], "", 1) != 1)
        return 1;
    for (int number = 0; number < 4; number++)
        pthread_join(threads[number], NULL);
    puts("joined");
    return 0;
}
