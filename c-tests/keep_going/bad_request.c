// A request that can't be granted is answered as libc does.
// expect: calloc-overflow
// expect-call: calloc
// expect-place: calloc was asked for * bytes: the product overflows
// options: --keep-going --bad-requests report
// expect-exit: 0
// expect-stdout: 1
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    volatile size_t many = SIZE_MAX / 2;
    void *p = calloc(many, 3); // <- called in main
    printf("%d\n", p == NULL);
    return 0;
}
