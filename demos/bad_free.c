#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_word(char *text) {
    while (*text == ' ')
        text++;
    printf("word: %s\n", text);
    free(text); /* BUG: no longer the pointer that was allocated */
}

void fencepost_demo_bad_free(void) {
    print_word(strdup("  fence"));
}
