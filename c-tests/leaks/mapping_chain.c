// Mappings that lead to mappings: one that is reached leads to another by a pointer into its midst, and to an object; one that is
// lost leads to another, which is lost, too. The object in it is still reachable, as in any memory of the program's own.
// options: --leaks=full --leak-kinds=all --leak-mappings
// expect: leaks
#include "clobber.h"
#include <stdlib.h>
#include <sys/mman.h>

static void **root;

static NOINLINE void **map(void)
{
    return mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static NOINLINE void **map_to_lose(void)
{
    return mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); // <- leak: mapping 134217728 bytes in 2
}

static NOINLINE void link_them(void)
{
    root = map();
    void **object = malloc(64); // <- leak: reachable 64 bytes in 1
    root[1000] = object;
    object[3] = map() + 700;
    void **first = map_to_lose(), **second = map_to_lose();
    first[1] = second;
    second[1] = first;
    second[2] = malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    link_them();
    clobber();
}
