// A program with an allocator of its own: fencepost has nothing to guard.
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static char pool[1 << 20];
static size_t used;

void *malloc(size_t size)
{
    void *start = pool + used;
    used += (size + 15) & ~(size_t)15;
    return start;
}
void free(void *p) { (void)p; }
void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }
void *realloc(void *p, size_t size) { return p ? memcpy(malloc(size), p, size) : malloc(size); }

int main(void)
{
    char *bytes = malloc(16);
    bytes[16] = 1;
    puts("done");
    return 0;
}
