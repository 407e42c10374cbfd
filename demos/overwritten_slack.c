#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text) {
    char *result = malloc(strlen(text)); /* BUG: no room for the final NUL */
    strcpy(result, text);
    return result;
}

void fencepost_demo_overwritten_slack(void) {
    char *word = copy("fence post"); /* 10 bytes; the NUL lands in the alignment slack */
    printf("word: %s\n", word);
    free(word);
}
