// Without the option abort() dies of SIGABRT and nobody says a word.
// options: --report-crashes=no
// expect: clean
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    puts("before");
    fflush(stdout);
    abort();
}
