// A thread waits for input, with the lock of its stream, when the process ends: what was printed is flushed, and
// nobody waits for that stream.
// expect: overwritten-slack
// expect-place: located 0 bytes after 17-byte region
// expect-found: at exit
// expect-stdout: printed
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *volatile kept;

static void *read_input(void *unused)
{
    getchar();
    return unused;
}

int main(void)
{
    int ends[2];
    pthread_t thread;
    pipe(ends);
    dup2(ends[0], 0);
    pthread_create(&thread, NULL, read_input, NULL);
    usleep(100000);
    printf("printed\n");
    kept = malloc(17); // <- allocated in main
    kept[17] = 1;
    return 0;
}
