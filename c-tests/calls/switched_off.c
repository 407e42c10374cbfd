// With the checks off a byte of slack is read unseen.
// options: --check-calls=no
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char target[32];
    char *p = calloc(20, 1);
    memcpy(target, p, 20 + (p[0] == 0));
    puts("unseen");
    return 0;
}
