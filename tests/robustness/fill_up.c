// Allocates argv[1] mebibytes in objects of 1000 bytes, argv[2] of them live at a time, and runs off the end of the last
// one if there is an argv[3].
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    size_t count = strtoul(argv[1], 0, 10) * 1024, live = strtoul(argv[2], 0, 10);
    char **objects = calloc(live, sizeof *objects);
    for (size_t i = 0; i < count; i++) {
        free(objects[i % live]);
        if (!(objects[i % live] = malloc(1000))) {
            printf("no memory after %zu\n", i);
            return 1;
        }
        memset(objects[i % live], (int)i, 1000);
    }
    if (argc > 3) {
        char *small = malloc(16);
        small[16] = 1;
    }
    puts("done");
    return 0;
}
