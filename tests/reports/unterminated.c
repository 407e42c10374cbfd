#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t measure(const char *word) {
    return strlen(word); // <- bug
}

int main(void) {
    char *word = malloc(8);
    memcpy(word, "Ethernet", 8);
    printf("%zu\n", measure(word));
    free(word);
}
