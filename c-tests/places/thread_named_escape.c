// A thread whose name would colour the reader's terminal and go on in a line of its own.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-thread: T1
// expect-allocated-by: T1
// expect-thread-name: \u{1b}[31m\n==1==
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>

static void *work(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "\033[31m\n==1==");
    char *p = malloc(32); // <- allocated in work
    p[32] = 1; // <- access in work
    return NULL;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL); // <- created in main
    pthread_join(thread, NULL);
    return 0;
}
