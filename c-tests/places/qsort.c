// A comparator reads a key that was freed. Its caller is libc.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 4-byte region
#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    int first = **(int *const *)left; // <- access in compare
    int second = **(int *const *)right;
    return first - second;
}

int main(void)
{
    int *keys[8];
    for (int i = 0; i < 8; i++)
        *(keys[i] = malloc(sizeof(int))) = -i; // <- allocated in main
    for (int i = 0; i < 8; i++)
        free(keys[i]); // <- freed in main
    qsort(keys, 8, sizeof *keys, compare); // <- access in main (any frame)
    return 0;
}
