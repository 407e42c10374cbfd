// Threads have bugs with the lock of a stream, beside one that flushes all streams, which waits for that lock with
// libc's list of streams locked, and one that forks.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 4096-byte region
// expect-thread: T*
// expect-exit: 0
// expect-stdout: 20 good children
// options: --keep-going
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *stream;
static char *volatile p;
static atomic_int over;

static void *read_past(void *unused)
{
    while (!over) {
        flockfile(stream);
        usleep(1000);
        (void)*(volatile char *)(p + 4096); // <- access in read_past
        funlockfile(stream);
    }
    return NULL;
}

static void *flush(void *unused)
{
    while (!over)
        fflush(NULL);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int good = 0, status;
    p = malloc(4096); // <- allocated in main
    stream = fopen("/dev/null", "w");
    pthread_create(&threads[0], NULL, read_past, NULL);
    pthread_create(&threads[1], NULL, flush, NULL);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            free(malloc(100));
            _exit(0);
        }
        waitpid(child, &status, 0);
        good += status == 0;
    }
    over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
