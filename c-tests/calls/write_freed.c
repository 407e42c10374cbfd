// The kernel would return EFAULT, and nobody would know.
// expect: heap-use-after-free
// expect-access: READ of size 16
// expect-place: located 0 bytes inside of 32-byte region
// expect-sentence: write would read 16 bytes of its buf*a freed *-byte object
// expect-exit: SIGABRT
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(32); // <- allocated in main
    free(p); // <- freed in main
    write(1, p, 16); // <- access in main
    return 0;
}
