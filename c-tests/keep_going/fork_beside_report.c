// A thread forks while others report; the function that is given the reports opens a stream, for which it needs
// libc's list of streams, as fork does.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 4096-byte region
// expect-thread: T*
// expect-exit: 0
// expect-stdout: 20 good children, 1 report
// options: --keep-going
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void (*hook)(const char *);
hook fencepost_set_report_hook(hook) __attribute__((weak));

static char *volatile p;
static atomic_int over, reports;

static void on_report(const char *text)
{
    reports++;
    usleep(100000);
    fclose(fopen("/dev/null", "r"));
}

static void *read_past(void *unused)
{
    while (!over) {
        usleep(1000);
        (void)*(volatile char *)(p + 4096); // <- access in read_past
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int good = 0, status;
    p = malloc(4096); // <- allocated in main
    fencepost_set_report_hook(on_report);
    pthread_create(&threads[0], NULL, read_past, NULL);
    pthread_create(&threads[1], NULL, read_past, NULL);
    while (!reports)
        usleep(1000);
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
    printf("%d good children, %d report\n", good, reports);
    return 0;
}
