#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_name(const char *name) {
    char *copy = malloc(strlen(name));
    strcpy(copy, name); // <- bug
    return copy;
}

int main(void) {
    char *name = copy_name("Ada Lovelace");
    printf("Hello, %s\n", name);
    free(name);
}
