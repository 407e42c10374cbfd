// Once its batch is revoked, a freed object faults as ever.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 7 bytes inside of 40-byte region
// options: --revoke=batch:2
#include <stdlib.h>

int main(void)
{
    char *volatile stale = malloc(40); // <- allocated in main
    free(stale); // <- freed in main
    for (int i = 0; i < 4; i++)
        free(malloc(5000));
    return stale[7]; // <- access in main
}
