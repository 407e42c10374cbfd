// Checked calls with operands in the heap stay cancellation points, and cleanup handlers run.
// libs: -pthread
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int listener;

static void say(void *what)
{
    puts(what);
}

static void *sleep_long(void *unused)
{
    struct timespec *hour = calloc(1, sizeof *hour);
    hour->tv_sec = 3600;
    pthread_cleanup_push(free, hour);
    pthread_cleanup_push(say, "nanosleep");
    nanosleep(hour, hour);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *accept_nobody(void *unused)
{
    // Shorter than it is said to be.
    struct sockaddr *name = malloc(2);
    socklen_t *n = malloc(sizeof *n);
    *n = 100;
    pthread_cleanup_push(free, name);
    pthread_cleanup_push(free, n);
    pthread_cleanup_push(say, "accept");
    accept(listener, name, n);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel(void *(*start)(void *))
{
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, start, NULL);
    usleep(20000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("%d\n", result == PTHREAD_CANCELED);
}

int main(void)
{
    struct sockaddr_un address = {AF_UNIX};
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, sizeof address.sun_family);
    listen(listener, 1);
    cancel(sleep_long);
    cancel(accept_nobody);
    return 0;
}
