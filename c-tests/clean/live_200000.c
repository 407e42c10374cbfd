// 200,000 live objects of 40 bytes, to the end. mprotect cannot guard them all, and says so.
// options: --memory-limit=2048
// expect: clean
// expect-unguarded-on: mprotect
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 200000 };
static long *all[COUNT];

int main(void)
{
    unsigned long sum = 0;
    for (long i = 0; i < COUNT; i++) {
        all[i] = malloc(40);
        all[i][0] = all[i][4] = i;
    }
    for (long i = 0; i < COUNT; i++)
        sum += all[i][0] ^ (3 * all[i][4]);
    printf("%lu\n", sum);
    for (long i = 0; i < COUNT; i += 2)
        free(all[i]);
    for (long i = 1; i < COUNT; i += 2)
        all[i] = realloc(all[i], 56);
    for (long i = 1; i < COUNT; i += 2)
        sum += all[i][4];
    printf("%lu\n", sum);
    return 0;
}
