// Packed objects of all sizes and alignments, from two threads and a child, with frees across threads.
// expect: clean
// options: --memory-limit 1 --quarantine 1
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 4000 };
static char *blocks[COUNT];

static size_t size_of(int i)
{
    return (size_t)i * 37 % (i % 50 == 0 ? 140000 : 700);
}

static void *fill(void *rounds)
{
    for (int i = 0; i < COUNT; i++) {
        size_t align = (size_t)16 << i % 8;
        blocks[i] = i % 3 == 0 ? memalign(align, size_of(i) + 1) : malloc(size_of(i) + 1);
        if ((uintptr_t)blocks[i] % (i % 3 == 0 ? align : 16) != 0 && size_of(i) >= 16)
            puts("not aligned");
        if (malloc_usable_size(blocks[i]) < size_of(i) + 1)
            puts("too small");
        memset(blocks[i], i, size_of(i) + 1);
    }
    return rounds;
}

static void *drain(void *rounds)
{
    for (int i = 0; i < COUNT; i++) {
        for (size_t at = 0; at <= size_of(i); at++)
            if (blocks[i][at] != (char)i)
                puts("lost");
        if (i % 5 == 0)
            blocks[i] = realloc(blocks[i], size_of(i) + 4);
        if (i % 7 == 0)
            blocks[i] = realloc(blocks[i], 24);
        if (blocks[i][0] != (char)i)
            puts("lost by realloc");
        free(blocks[i]);
        char *zeros = calloc(1, size_of(i) + 1);
        if (zeros[size_of(i)] || zeros[0])
            puts("no zeros");
        free(zeros);
    }
    return rounds;
}

int main(void)
{
    for (int round = 0; round < 4; round++) {
        pthread_t thread;
        pthread_create(&thread, NULL, round % 2 ? fill : drain, fill(NULL));
        pthread_join(thread, NULL);
        if (round % 2) {
            pid_t child = fork();
            drain(NULL);
            if (child == 0)
                _exit(0);
            waitpid(child, NULL, 0);
        }
    }
    puts("done");
    return 0;
}
