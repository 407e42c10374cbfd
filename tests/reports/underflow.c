#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trim(char *text) {
    size_t end = strlen(text);
    while (text[end - 1] == ' ') // <- bug
        end--;
    text[end] = 0;
}

int main(void) {
    char *blank = malloc(4096);
    memset(blank, ' ', 4095);
    blank[4095] = 0;
    trim(blank);
    printf("'%s'\n", blank);
    free(blank);
}
