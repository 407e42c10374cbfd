// Ends otherwise where the placement is not what it expects: the argument says how.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments)
{
    char *p = malloc(7), *page = malloc(64);
    const char *how = count > 1 ? arguments[1] : "code";
    if (strcmp(how, "bug") == 0) {
        char *volatile odd = malloc(13);
        if ((uintptr_t)p & 1)
            return 3;
        odd[13] = 1;
        free(odd);
    } else if (strcmp(how, "left") == 0) {
        if (((uintptr_t)page & 4095) == 0)
            return 4;
    } else if ((uintptr_t)p & 1) {
        if (strcmp(how, "signal") == 0)
            raise(SIGUSR1);
        fputs("odd pointer, cannot start\n", stderr);
        return 3;
    }
    puts("work done");
    return 0;
}
