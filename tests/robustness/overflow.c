// One byte too far, at once; the argument "wait" makes it close descriptor 2 and reuse it first.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "reuse")) {
        close(2);
        if (open(argv[2], O_RDWR | O_CREAT, 0600) != 2)
            return 3;
    }
    volatile char *bytes = malloc(64);
    return bytes[64];
}
