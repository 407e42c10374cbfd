// The kernel would answer EFAULT, and nobody would know.
// expect: heap-use-after-free
// expect-access: READ of size 16
// expect-place: located 0 bytes inside of 32-byte region
// expect-note: in a call of write: buf of 16 bytes, 0 in bounds
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
