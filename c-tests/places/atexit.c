// A function of atexit uses what main freed.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 16-byte region
#include <stdlib.h>

static volatile char *p;

static void at_exit(void)
{
    *p; // <- access in at_exit
}

int main(void)
{
    atexit(at_exit);
    p = malloc(16); // <- allocated in main
    free((void *)p); // <- freed in main
    return 0;
}
