// 48 bytes aligned to 256: what lies between the object and the guard is slack.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 208 bytes after 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p;
    posix_memalign((void **)&p, 256, 48); // <- allocated in main
    p[256] = 1; // <- access in main
    return 0;
}
