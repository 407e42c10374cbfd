// Three bugs, each seen by other placements; the exit code is the size of the input.
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments)
{
    char *volatile p = malloc(48);
    char *volatile odd = malloc(13);
    int size = 0;
    while (getchar() != EOF)
        size++;
    printf("read %d\n", size);
    fflush(stdout);
    fprintf(stderr, "to standard error\n");
    if (count > 1) {
        int found = p[-1];         // before: left
        found += odd[13];          // in the slack: exact
        free(p);
        found += p[5];             // freed: all
        (void)found;
    }
    return size;
}
