// Standard error is closed and no --log-path is given: the report goes to $TMPDIR.
// expect: double-free
// expect-place: located 0 bytes inside of 16-byte region
// expect-report-in: fallback
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
