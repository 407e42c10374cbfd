// The 500th of 1,000 objects is the damaged one.
// expect: overwritten-slack
// expect-found: by free here
// expect-place: located 0 bytes after 27-byte region
#include <stdlib.h>

int main(void)
{
    char *all[1000];
    for (int i = 0; i < 1000; i++)
        all[i] = malloc(i == 500 ? 27 : 26); // <- allocated in main
    all[500][27] = 0;
    for (int i = 999; i >= 0; i--)
        free(all[i]); // <- called in main
    return 0;
}
