// A second free is seen at once, revoked or not.
// expect: double-free
// expect-place: located 0 bytes inside of 40-byte region
// options: --fast
#include <stdlib.h>

int main(void)
{
    char *volatile block = malloc(40); // <- allocated in main
    free(block); // <- freed in main
    free(block); // <- called in main
    return 0;
}
