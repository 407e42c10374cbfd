// A program drops, protects or keeps from its children whole pages of a large object, with what the last one holds behind it: nobody
// has written there.
// expect: clean
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    // Natively these are mappings of their own.
    mallopt(M_MMAP_THRESHOLD, 64 << 10);
    for (size_t size = 70001; size < 2 << 20; size = size * 2 + 11) {
        int advice[] = {MADV_DONTNEED, MADV_FREE, MADV_WIPEONFORK, MADV_DONTFORK};
        for (int i = 0; i < 4; i++) {
            char *block = memalign(4096, size);
            memset(block, 1, size);
            printf("%zu: %d\n", size, madvise(block, size, advice[i]));
            fflush(stdout);
            pid_t child = fork();
            if (child == 0) {
                free(block);
                _exit(0);
            }
            int status;
            waitpid(child, &status, 0);
            printf("%d\n", status);
            free(block);
        }
        char *block = memalign(4096, size);
        printf("%d\n", mprotect(block, size, PROT_NONE));
        free(block);
    }
    return 0;
}
