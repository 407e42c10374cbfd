/* At the end of memory: argv[1] says what is tried there, and again once there is some. What is printed is the same
 * natively and under the guard. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct block {
    struct block *next;
};
static struct block *all;

/* Takes all there is: large blocks first. */
static void fill(void)
{
    static const size_t sizes[] = {1 << 20, 64 << 10, 4000, 500, 24};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct block *block;
        while ((block = malloc(sizes[i]))) {
            memset(block, 1, sizes[i]);
            block->next = all;
            all = block;
        }
    }
}

static void empty(void)
{
    while (all) {
        struct block *next = all->next;
        free(all);
        all = next;
    }
}

static void *start(void *unused)
{
    (void)unused;
    free(malloc(100));
    return (void *)7;
}

static const char *thread(void)
{
    pthread_t made;
    void *result = 0;
    int error = pthread_create(&made, 0, start, 0);
    if (error)
        return error == EAGAIN ? "EAGAIN" : strerror(error);
    pthread_join(made, &result);
    return result == (void *)7 ? "a thread" : "wrong";
}

/* Threads with small stacks, until there can be no more. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *wait_at_gate(void *unused)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return start(unused);
}

static const char *threads(void)
{
    enum { MOST = 20000 };
    static pthread_t made[MOST];
    pthread_attr_t attributes;
    void *result = 0;
    int count = 0, error = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16 << 10);
    pthread_mutex_lock(&gate);
    while (count < MOST && !(error = pthread_create(&made[count], &attributes, wait_at_gate, 0)))
        count++;
    /* What is refused costs nothing. */
    for (int i = 0; i < 20000 && count < MOST; i++)
        if (!pthread_create(&made[count], &attributes, wait_at_gate, 0))
            count++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < count; i++) {
        pthread_join(made[i], &result);
        if (result != (void *)7)
            return "wrong";
    }
    if (error != EAGAIN || count < 20)
        return "few threads";
    if (pthread_create(&made[0], &attributes, start, 0))
        return "no more threads";
    pthread_join(made[0], &result);
    return "threads";
}

static const char *library(void)
{
    void *handle = dlopen("libresolv.so.2", RTLD_NOW);
    if (!handle)
        return "no library";
    return dlclose(handle) ? "wrong" : "a library";
}

/* The child has what its parent has. */
static const char *child(void)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return strerror(errno);
    if (pid == 0) {
        if (all) {
            if (malloc(1 << 20))
                _exit(1);
            empty();
        }
        char *text = malloc(1000);
        if (!text)
            _exit(2);
        free(text);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status ? "wrong" : "a child";
}

/* Grows until it is refused; what is there stays. */
static const char *growth(void)
{
    size_t bytes = 1000;
    char *text = malloc(bytes), *grown;
    if (!text)
        return "no object";
    memset(text, 'x', bytes);
    while ((grown = realloc(text, bytes + bytes / 8))) {
        text = grown;
        memset(text + bytes, 'x', bytes / 8);
        bytes += bytes / 8;
    }
    int is_refused = errno == ENOMEM;
    for (size_t i = 0; i < bytes; i++)
        if (text[i] != 'x')
            is_refused = 0;
    text = realloc(text, 100);
    free(text);
    return is_refused && text && bytes > 10 << 20 ? "grown" : bytes > 10 << 20 ? "wrong" : "little";
}

int main(int argc, char **argv)
{
    const char *(*try)(void) = argv[1][0] == 'm'   ? threads
                               : argv[1][0] == 't' ? thread
                               : argv[1][0] == 'l' ? library
                               : argv[1][0] == 'c' ? child
                                                   : growth;
    if (try != growth && try != threads) {
        fill();
        const char *at_the_end = try();
        empty();
        printf("%s; ", at_the_end);
    }
    puts(try());
    free(malloc(argc));
    return 0;
}
