#include <stdio.h>
#include <stdlib.h>

static int *grow(int *numbers, size_t count) {
    return realloc(numbers, count * sizeof *numbers);
}

int main(void) {
    int *numbers = malloc(4 * sizeof *numbers);
    numbers[0] = 1;
    int *more = grow(numbers, 4000);
    numbers[0] = 2; // <- bug
    printf("%d\n", more[0]);
    free(more);
}
