// Objects of all sizes, from two threads and a child, with frees across threads.
// expect: clean
// options: --revoke=batch:3
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 3000 };
static char *blocks[COUNT];

static size_t size_of(int i)
{
    return (size_t)i * 37 % 40000;
}

static void *fill(void *unused)
{
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(size_of(i) + 1);
        memset(blocks[i], i, size_of(i) + 1);
    }
    return unused;
}

static void *drain(void *unused)
{
    for (int i = 0; i < COUNT; i++) {
        if ((unsigned char)blocks[i][size_of(i)] != (unsigned char)i)
            puts("lost");
        if (i % 3 == 0)
            blocks[i] = realloc(blocks[i], 24);
        free(blocks[i]);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;
    for (int round = 0; round < 3; round++) {
        pthread_create(&thread, NULL, fill, NULL);
        pthread_join(thread, NULL);
        fflush(stdout);
        pid_t child = fork();
        drain(NULL);
        if (child == 0)
            exit(3);
        int status;
        waitpid(child, &status, 0);
        printf("child %d\n", WEXITSTATUS(status));
    }
    return 0;
}
