/* A test that passes natively, and has a bug. */
#include <stdlib.h>

static int sum(const int *numbers, int count)
{
    int sum = 0;
    for (int at = 0; at <= count; at++)
        sum += numbers[at]; /* BUG: one too many */
    return sum;
}

int main(void)
{
    int *numbers = calloc(8, sizeof *numbers);
    int total = sum(numbers, 8);
    free(numbers);
    return total < 0;
}
