#include <stdlib.h>
#include <string.h>

static void use_line(const char *text) {
    char *line = strdup(text);
    while (*line == ' ')
        line++;
    free(line); // <- bug
}

int main(void) {
    use_line("  indented");
}
