// Standard error is closed; the report is in the file of --log-path.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 16-byte region
// expect-report-in: log
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(16); // <- allocated in main
    close(2);
    p[16] = 1; // <- access in main
    return 0;
}
