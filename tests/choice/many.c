// Allocates many objects at one place, and some at others.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIVE 500

static __attribute__((noinline)) char *make(size_t bytes)
{
    return malloc(bytes);
}

static void *churn(void *count)
{
    char *live[LIVE] = {0};
    for (long n = 0; n < (long)count; n++) {
        char **at = &live[n * 7 % LIVE];
        if (*at && (*at)[0] != 'x')
            abort();
        free(*at);
        *at = make(16 + n % 100);
        memset(*at, 'x', 16 + n % 100);
    }
    for (int n = 0; n < LIVE; n++)
        free(live[n]);
    return NULL;
}

// Writes behind each of some objects, after many others from the same place, and frees them at places of their own.
static void damage(void)
{
    char *bad[4];
    for (int n = 0; n < 20004; n++) {
        char *p = make(24);
        if (n < 20000) {
            free(p);
        } else {
            p[24] = 1;
            bad[n - 20000] = p;
        }
    }
    free(bad[0]);
    free(bad[1]);
    free(bad[2]);
    free(bad[3]);
}

static void read_behind(void)
{
    char *p = malloc(16);
    printf("%d\n", ((volatile char *)p)[16]);
    free(p);
}

static void grow(void)
{
    char *text[50] = {0};
    for (size_t bytes = 1; bytes < 3000; bytes++) {
        for (int n = 0; n < 50; n++) {
            text[n] = realloc(text[n], bytes);
            text[n][bytes - 1] = (char)(bytes + n);
            if (text[n][0] != (char)(1 + n) || text[n][bytes / 2] != (char)(bytes / 2 + 1 + n))
                abort();
        }
    }
    for (int n = 0; n < 50; n++)
        free(text[n]);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "churn";
    long count = argc > 2 ? atol(argv[2]) : 1000;
    if (!strcmp(what, "threads")) {
        pthread_t threads[4];
        for (int n = 0; n < 4; n++)
            pthread_create(&threads[n], NULL, churn, (void *)count);
        for (int n = 0; n < 4; n++)
            pthread_join(threads[n], NULL);
    } else if (!strcmp(what, "fork")) {
        churn((void *)count);
        for (int n = 0; n < 8; n++) {
            if (fork() == 0) {
                churn((void *)count);
                exit(0);
            }
            int status;
            wait(&status);
            if (status)
                return 1;
        }
    } else {
        churn((void *)count);
    }
    if (!strcmp(what, "damage"))
        damage();
    if (!strcmp(what, "read"))
        read_behind();
    if (!strcmp(what, "grow"))
        grow();
    puts("done");
    return 0;
}
