// abort() dies of SIGABRT.
// expect: clean
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    malloc(10);
    puts("before");
    fflush(stdout);
    abort();
}
