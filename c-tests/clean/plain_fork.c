// _Fork, which runs no handlers, while other threads allocate and change signal actions; the child does the same.
// (Natively its malloc could wait for a lock that no thread holds any more.)
// expect: clean
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int over;

static void *churn(void *unused)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    while (!over) {
        free(malloc(5000));
        sigaction(SIGSEGV, &action, NULL);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    int good = 0;
    pid_t (*plain)(void) = (pid_t(*)(void))dlsym(RTLD_DEFAULT, "_Fork"); // glibc 2.34
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < 60; i++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        int status;
        pid_t child = plain ? plain() : fork();
        if (child == 0) {
            signal(SIGBUS, SIG_DFL);
            sigaction(SIGSEGV, &action, NULL);
            // Ours is whole there; libc's malloc would be by luck.
            if (getenv("FENCEPOST_OPTIONS"))
                for (int j = 0; j < 50; j++)
                    free(malloc(100 * j));
            _exit(0);
        }
        waitpid(child, &status, 0);
        good += status == 0;
    }
    over = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
