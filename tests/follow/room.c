// Prints what malloc_usable_size says of 5 bytes: 5 where the program is guarded, 24 where it has libc's malloc. Then
// it executes what its arguments say, unless ROOM_ONCE is set.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    void *p = malloc(5);
    printf("%zu\n", malloc_usable_size(p));
    free(p);
    fflush(stdout);
    if (count > 1 && !getenv("ROOM_ONCE")) {
        execvp(arguments[1], arguments + 1);
        return 127;
    }
    return 0;
}
