// Placement left: 10,000 objects of all kinds keep their content.
// options: --placement left
// expect: clean
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    static char *all[10000];
    for (int i = 0; i < 10000; i++) {
        all[i] = i % 3 ? malloc(i + 1) : calloc(1, i + 1);
        memset(all[i], i, i + 1);
        if (i % 5 == 0)
            all[i] = realloc(all[i], i + 5000);
    }
    for (int i = 0; i < 10000; i++) {
        assert(all[i][0] == (char)i && all[i][i] == (char)i);
        free(all[i]);
    }
    return 0;
}
