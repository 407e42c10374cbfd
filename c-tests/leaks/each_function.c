// Each function of the malloc family, and two that call it.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _GNU_SOURCE
#include "clobber.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static NOINLINE void work(void)
{
    void *pages;
    char *text;
    *(char *)calloc(3, 5) = 1; // <- leak: definite 15 bytes in 1
    *(char *)aligned_alloc(64, 128) = 1; // <- leak: definite 128 bytes in 1
    (void)!posix_memalign(&pages, 4096, 100); // <- leak: definite 100 bytes in 1
    *(char *)memalign(32, 96) = 1; // <- leak: definite 96 bytes in 1
    *(char *)valloc(200) = 1; // <- leak: definite 200 bytes in 1
    *(char *)reallocarray(NULL, 6, 7) = 1; // <- leak: definite 42 bytes in 1
    *strdup("twelve bytes") = 1; // <- leak: definite 13 bytes in 1
    (void)!asprintf(&text, "%d", 5); // <- leak: definite 2 bytes in 1
}

int main(void)
{
    work();
    clobber();
}
