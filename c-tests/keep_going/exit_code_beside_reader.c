// A thread waits for input, with the lock of its stream, when the process ends with the code of its errors; what
// was printed comes out, and handlers that the program registered before run.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
// options: --keep-going --error-exitcode 9
// expect-exit: 9
// expect-stdout: printed, destroyed
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *read_input(void *unused)
{
    getchar();
    return unused;
}

static __attribute__((destructor)) void destroy(void) { printf("destroyed\n"); }

int main(void)
{
    int ends[2];
    pthread_t thread;
    char *volatile p = malloc(48); // <- allocated in main
    pipe(ends);
    dup2(ends[0], 0);
    pthread_create(&thread, NULL, read_input, NULL);
    usleep(100000);
    printf("printed, ");
    p[48] = 1; // <- access in main
    return 0;
}
