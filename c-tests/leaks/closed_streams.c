// Standard output and standard error are closed: the report is in a file.
// options: --leaks=full --leak-kinds=all
// expect: leaks
// expect-report-in: log
#include "clobber.h"
#include <stdlib.h>
#include <unistd.h>

static NOINLINE void work(void)
{
    *(char *)malloc(40) = 1; // <- leak: definite 40 bytes in 1
}

int main(void)
{
    work();
    clobber();
    close(1);
    close(2);
}
