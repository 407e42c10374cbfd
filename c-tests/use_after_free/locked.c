// An object that was locked is guarded as any other, and so are those after it.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 4095 bytes inside of 4096-byte region
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    for (int i = 0; i < 20; i++) {
        char *secret = aligned_alloc(4096, 4096);
        mlock(secret, 4096);
        memset(secret, 0, 4096);
        free(secret);
    }
    char *last = aligned_alloc(4096, 4096); // <- allocated in main
    mlock(last, 4096);
    free(last); // <- freed in main
    return ((volatile char *)last)[4095]; // <- access in main
}
