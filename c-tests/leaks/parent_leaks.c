// The parent loses an object after the fork; the child frees its copy.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *kept;

static NOINLINE void work(void)
{
    kept = malloc(40); // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    if (fork() == 0) {
        free(kept);
        kept = NULL;
        exit(0);
    }
    wait(NULL);
    kept = NULL;
    clobber();
}
