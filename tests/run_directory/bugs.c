// One bug for each word on the command line.
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void parse_header(void)
{
    volatile char *header = malloc(32);
    header[32] = 1;
    free((void *)header);
}

__attribute__((noinline)) static void release_twice(void)
{
    void *object = malloc(40);
    free(object);
    free(object);
}

// In the slack: found when the object is freed.
__attribute__((noinline)) static void fill_name(void)
{
    volatile char *name = malloc(13);
    name[13] = 1;
    free((void *)name);
}

__attribute__((noinline)) static void read_freed(void)
{
    volatile char *object = malloc(24);
    free((void *)object);
    (void)object[3];
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "header"))
            parse_header();
        else if (!strcmp(argv[i], "twice"))
            release_twice();
        else if (!strcmp(argv[i], "name"))
            fill_name();
        else if (!strcmp(argv[i], "freed"))
            read_freed();
        else
            return atoi(argv[i]);
    }
    return 0;
}
