// Threads open and close a library, whose constructor and destructor allocate with the loader's lock held;
// another thread forks.
// opens-library: constructor
// cflags: -Wl,--as-needed
// libs: -ldl
// expect: clean
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int over;

static void open_once(void)
{
    void *other = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    void *library = dlopen("libconstructor.so", RTLD_NOW);
    free(malloc(10));
    dlclose(library);
    dlclose(other);
}

static void *open_often(void *unused)
{
    while (!over)
        open_once();
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    int good = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, open_often, NULL);
    for (int i = 0; i < 60; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            free(malloc(100));
            fflush(NULL);
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
