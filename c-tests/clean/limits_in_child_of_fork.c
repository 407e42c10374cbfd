// A child of fork limits itself, and gets what natively it would; its parent goes on without a limit.
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int count(void)
{
    int n = 0;
    while (n < 1000 && malloc(1 << 20))
        n++;
    return n;
}

int main(void)
{
    for (int i = 0; i < 3; i++)
        if (!fork()) {
            struct rlimit limit = {300ul << 20, RLIM_INFINITY};
            if (setrlimit(RLIMIT_AS, &limit))
                _exit(1);
            int n = count();
            _exit(n < 200 || n > 300);
        }
    int status, failed = 0;
    while (wait(&status) > 0)
        failed += status != 0;
    printf("failed %d, parent %d\n", failed, count());
    return 0;
}
