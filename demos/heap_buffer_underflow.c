#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trim_end(char *line) {
    char *last = line + strlen(line) - 1;
    while (*last == ' ') /* BUG: on a blank line nothing stops this at the start */
        *last-- = '\0';
}

void fencepost_demo_heap_buffer_underflow(void) {
    char *line = strdup("                               ");
    trim_end(line);
    printf("trimmed: \"%s\"\n", line);
    free(line);
}
