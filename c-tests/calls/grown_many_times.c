// memset is given one byte more than a buffer has that was grown 20,000 times.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 20001
// expect-exit: SIGABRT
// expect-place: located 0 bytes after 20000-byte region

#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *p = NULL;
    for (size_t n = 1; n <= 20000; n++)
        p = realloc(p, n); // <- allocated in main
    memset(p, 0, 20001); // <- access in main
    free(p);
    return 0;
}
