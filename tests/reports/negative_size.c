#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void clear_rest(char *block, int size, int used) {
    memset(block + used, 0, size - used); // <- bug
}

int main(void) {
    char *block = malloc(100);
    clear_rest(block, 50, 80);
    puts(block + 80);
    free(block);
}
