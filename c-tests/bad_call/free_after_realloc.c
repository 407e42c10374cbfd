// realloc moved the object and so freed the old one; the program frees it again.
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
#include <stdlib.h>

int main(void)
{
    char *p = malloc(48); // <- allocated in main
    char *moved = realloc(p, 9000); // <- freed in main
    free(p); // <- called in main
    return moved != NULL;
}
