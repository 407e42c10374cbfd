// The child of a fork writes to an object that was freed before.
// expect: heap-use-after-free
// expect-found: at exit
// expect-place: located 0 bytes inside of 100-byte region
// expect-exit: 0
// options: --memory-limit 1
#include "spend.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    spend();
    char *volatile stale = malloc(100); // <- allocated in main
    free(stale); // <- freed in main
    if (fork() == 0) {
        stale[0] = 1;
        exit(0);
    }
    wait(NULL);
    return 0;
}
