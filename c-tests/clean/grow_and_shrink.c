// Stacks of records, grown and shrunk by one record at a time, one beside the other. Aligned buffers grow, too.
// expect: clean

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record { int number; char name[20]; };

int main(void)
{
    struct record *stacks[3] = {0};
    size_t depth[3] = {0}, wrong = 0;
    for (int round = 0; round < 400000; round++) {
        int which = round % 3;
        if (round % 16 == 15 && depth[which] > 1) {
            wrong += stacks[which][depth[which] - 1].number != (int)depth[which];
            depth[which]--;
        } else {
            depth[which]++;
        }
        stacks[which] = reallocarray(stacks[which], depth[which], sizeof(struct record));
        stacks[which][depth[which] - 1].number = (int)depth[which];
    }
    for (int which = 0; which < 3; which++) {
        for (size_t i = 0; i < depth[which]; i++)
            wrong += stacks[which][i].number != (int)i + 1;
        while (depth[which] > 1)
            stacks[which] = reallocarray(stacks[which], depth[which] -= 1, sizeof(struct record));
        wrong += stacks[which][0].number != 1;
        free(stacks[which]);
    }
    char *aligned = aligned_alloc(4096, 4096);
    strcpy(aligned, "kept");
    for (size_t size = 4097; size < 70000; size += 100)
        aligned = realloc(aligned, size);
    printf("%zu wrong, %s\n", wrong, aligned);
    free(aligned);
    return 0;
}
