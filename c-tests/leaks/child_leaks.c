// The child of a fork loses an object; the parent does not.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *kept;

static NOINLINE void work(void)
{
    kept = malloc(40); // <- leak: reachable 40 bytes in 1
}

static NOINLINE void lose(void)
{
    kept = NULL;
    *(char *)malloc(50) = 1; // <- leak: definite 50 bytes in 1
}

int main(void)
{
    work();
    int status;
    if (fork() == 0) {
        free(kept);
        lose();
        clobber();
        exit(0);
    }
    wait(&status);
    clobber();
}
