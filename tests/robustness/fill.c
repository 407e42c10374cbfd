// Prints what fresh memory holds: of malloc, of calloc, of what realloc adds, of a large object, of
// new pages after others were used and freed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(const char *name, const unsigned char *bytes, size_t size)
{
    for (size_t i = 1; i < size; i++)
        if (bytes[i] != bytes[0]) {
            printf("%s: mixed\n", name);
            return;
        }
    printf("%s: %02x\n", name, bytes[0]);
}

int main(void)
{
    for (int i = 0; i < 10; i++) {
        char *used = malloc(100);
        memset(used, 7, 100);
        free(used);
    }
    print("malloc", malloc(100), 100);
    print("calloc", calloc(10, 10), 100);
    unsigned char *grown = realloc(malloc(10), 50);
    print("realloc", grown + 10, 40);
    print("large", malloc(1000000), 1000000);
    print("aligned", aligned_alloc(256, 512), 512);
    return 0;
}
