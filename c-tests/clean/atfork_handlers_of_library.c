// A library that is there from the start has registered handlers of fork before any constructor of a preloaded
// library ran; they allocate.
// with-library: atfork
// expect: clean
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int atfork_calls(void);

static void *live(void *unused) { free(malloc(10)); return NULL; }

int main(void)
{
    int good = 0;
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        int status;
        if (fork() == 0) {
            free(malloc(10));
            _exit(atfork_calls());
        }
        wait(&status);
        good += status == (i + 1) << 8;
        pthread_create(&thread, NULL, live, NULL);
        pthread_join(thread, NULL);
    }
    printf("%d good children, %d calls\n", good, atfork_calls());
    return 0;
}
