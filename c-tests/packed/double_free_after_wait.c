// The same after the wait of the object is over.
// expect: double-free
// expect-place: located 0 bytes inside of 3000-byte region
// options: --memory-limit 1 --quarantine 0
#include "spend.h"
#include <stdlib.h>

int main(void)
{
    spend();
    void *volatile p = malloc(3000); // <- allocated in main
    free(p); // <- freed in main
    void *others[30];
    for (int i = 0; i < 30; i++)
        others[i] = malloc(3000);
    for (int i = 0; i < 30; i++)
        free(others[i]);
    free(p); // <- called in main
    return 0;
}
