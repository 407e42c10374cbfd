// Without the option a crash kills as it does natively.
// options: --report-crashes=no
// expect: clean
#include <stdlib.h>

int main(void)
{
    free(malloc(10));
    *(volatile int *)0 = 1;
    return 0;
}
