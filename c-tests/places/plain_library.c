// Access and allocation are in a library without debug information.
// with-library: plain
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 48-byte region
// expect-frame: access 0 in plain_poke (*libplain.so+0x*)
// expect-frame: allocated 0 in plain_make (*libplain.so+0x*)
#include <stdlib.h>

char *plain_make(size_t size);
void plain_poke(char *p, size_t index);

int main(void)
{
    char *p = plain_make(48); // <- allocated in main (frame 1)
    plain_poke(p, 48); // <- access in main (frame 1)
    return 0;
}
