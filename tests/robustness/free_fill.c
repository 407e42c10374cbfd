// Prints a byte from the middle of an object of argv[1] bytes that was full of 1 and is freed, or with argv[3] resized,
// after argv[2] objects of 1000 bytes were made.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    size_t size = strtoul(argv[1], 0, 10), live = strtoul(argv[2], 0, 10);
    for (size_t i = 0; i < live; i++)
        if (!malloc(1000))
            return 1;
    unsigned char *volatile object = malloc(size);
    memset(object, 1, size);
    if (argc > 3) {
        if (!realloc(object, 2 * size))
            return 1;
    } else
        free(object);
    unsigned char found = object[size / 2];
    printf("%02x\n", found);
    return 0;
}
