// A program that asks fencepost, if it is there.
#include "../../include/fencepost.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char global[16];

static void describe(const char *name, const void *address)
{
    if (!fencepost_describe_address)
        return;
    fprintf(stderr, "%s:\n", name);
    fencepost_describe_address(address);
}

static char *make(size_t size)
{
    return malloc(size);
}

int main(void)
{
    char local = 0;
    char *live = make(32), *freed = make(40), *damaged = make(13), *other = make(27);
    free(freed);
    describe("live", live + 8);
    describe("freed", freed + 4);
    describe("guard", live + 32);
    describe("slack", damaged - 16);
    describe("local", &local);
    describe("global", global);
    describe("null", NULL);
    if (!fencepost_check_heap) {
        puts("no fencepost");
        return 0;
    }
    printf("%zu damaged\n", fencepost_check_heap());
    damaged[13] = 'x';
    other[28] = 'y';
    printf("%zu damaged\n", fencepost_check_heap());
    damaged[13] = other[28] = damaged[14];
    printf("%zu damaged\n", fencepost_check_heap());
    return 0;
}
