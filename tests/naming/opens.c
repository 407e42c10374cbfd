// Opens the library that it is given, in a thread, and calls its function or closes it.
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static char **arguments;

static void *work(void *unused) {
    (void)unused;
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (library == NULL) abort();
    if (strcmp(arguments[2], "close") == 0) {
        dlclose(library);
    } else {
        ((void (*)(void))dlsym(library, "library_overflows"))();
    }
    return NULL;
}

int main(int argc, char **argv) {
    (void)argc;
    arguments = argv;
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
