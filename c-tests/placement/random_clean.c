// Placement random: 10,000 objects keep their content, and malloc its alignment.
// options: --placement random
// expect: clean
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    static char *all[10000];
    for (int i = 0; i < 10000; i++) {
        all[i] = malloc(i % 500 + 16);
        assert(((uintptr_t)all[i] & 15) == 0);
        memset(all[i], i, i % 500 + 16);
    }
    for (int i = 0; i < 10000; i++) {
        assert(all[i][0] == (char)i && all[i][i % 500 + 15] == (char)i);
        free(all[i]);
    }
    return 0;
}
