// Threads open, grow, flush and close streams, each of which allocates with a lock of libc's; others fork, and
// the children do the same.
// expect: clean
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 4, FORKERS = 2, FORKS = 40 };

static atomic_int over, good;

static void work_once(void)
{
    char *text = NULL, *line = NULL;
    size_t size = 0, room = 0;
    FILE *memory = open_memstream(&text, &size);
    for (int i = 0; i < 20; i++)
        fprintf(memory, "%d %s\n", i, "a line that makes the buffer grow");
    fclose(memory);
    memory = fmemopen(text, size, "r");
    while (getline(&line, &room, memory) > 0)
        ;
    fclose(memory);
    free(line);
    free(text);
    FILE *null = fopen("/dev/null", "w");
    fputs("buffered", null);
    fflush(NULL);
    fclose(null);
}

static void *work(void *unused)
{
    while (!over)
        work_once();
    return NULL;
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < FORKS; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            work_once();
            fflush(NULL);
            _exit(0);
        }
        waitpid(child, &status, 0);
        good += status == 0;
    }
    return NULL;
}

int main(void)
{
    pthread_t workers[WORKERS], forkers[FORKERS];
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, NULL);
    for (int i = 0; i < FORKERS; i++)
        pthread_create(&forkers[i], NULL, fork_often, NULL);
    for (int i = 0; i < FORKERS; i++)
        pthread_join(forkers[i], NULL);
    over = 1;
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
