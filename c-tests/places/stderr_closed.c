// Standard error is closed: the report goes to that of the start all the same.
// expect: double-free
// expect-place: located 0 bytes inside of 16-byte region
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(16); // <- allocated in main
    close(2);
    free(p); // <- freed in main
    free(p); // <- called in main
    return 0;
}
