// The pages of an object of 17,000 bytes have become another object's; the old address is the freed one's still.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 16000 bytes inside of 17000-byte region
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *old = malloc(17000); // <- allocated in main
    memset(old, 1, 17000);
    free(old); // <- freed in main
    char *next[4];
    for (int i = 0; i < 4; i++)
        memset(next[i] = malloc(17000 + i), 2, 17000);
    volatile char c = old[16000]; // <- access in main
    for (int i = 0; i < 4; i++)
        free(next[i]);
    return c;
}
