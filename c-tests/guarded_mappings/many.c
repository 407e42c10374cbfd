// More mappings than the kernel would allow with a guard between each two: further ones have none, and all can be made and unmapped.
// options: --mappings guard
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { COUNT = 70000 };

int main(void)
{
    char **all = malloc(COUNT * sizeof *all);
    for (int round = 0; round < 2; round++) {
        int made = 0;
        for (int i = 0; i < COUNT; i++) {
            all[i] = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            made += all[i] != MAP_FAILED;
            if (i % 100 == 0)
                all[i][0] = 1;
        }
        int gone = 0;
        for (int i = 0; i < COUNT; i++)
            gone += munmap(all[i], 4096) == 0;
        printf("%d made, %d unmapped\n", made, gone);
    }
    free(all);
    return 0;
}
