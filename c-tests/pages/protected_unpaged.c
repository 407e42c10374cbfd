// Programs protect, drop and replace pages of their objects, those without pages of their own too.
// expect: clean
// options: --memory-limit 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    static void *volatile spent[400];
    for (int i = 0; i < 400; i++)
        spent[i] = malloc(8);
    for (int i = 0; i < 20; i++) {
        char *code = NULL;
        if (posix_memalign((void **)&code, 4096, 4096 << i % 3))
            return 1;
        memset(code, 0xc3, 4096);
        if (mprotect(code, 4096, PROT_READ | PROT_EXEC))
            perror("mprotect");
        ((void (*)(void))code)();
        if (mprotect(code, 4096, PROT_READ | PROT_WRITE))
            perror("mprotect");
        if (madvise(code, 4096, MADV_DONTNEED) || code[7])
            perror("madvise");
        free(code);
        /* A stack with a guard page in its middle. */
        char *stack = malloc(32768);
        char *guard = stack + 8192 - (size_t)stack % 4096;
        memset(stack, 1, 32768);
        if (mprotect(guard, 4096, PROT_NONE) || mprotect(guard, 4096, PROT_READ | PROT_WRITE))
            perror("mprotect");
        free(stack);
    }
    puts("done");
    return 0;
}
