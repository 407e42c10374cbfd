// The program protects the last page of an object of its own and keeps strings before it.
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    size_t page = sysconf(_SC_PAGESIZE);
    for (size_t pages = 2; pages <= 64; pages *= 2) {
        char *p = aligned_alloc(page, pages * page), *guard = p + (pages - 1) * page;
        if (mprotect(guard, page, PROT_NONE) != 0)
            return 1;
        for (size_t length = 0; length < 40; length++) {
            char *s = memset(guard - length - 1, 'a', length), *copy;
            s[length] = 0;
            copy = strdup(s);
            printf("%zu %d %d %d\n", strlen(s), strcmp(s, copy), strcmp("aaaaaaa", s) == 0, strchr(s, 'b') != NULL);
            memcpy(copy, s, length + 1);
            free(copy);
        }
        mprotect(guard, page, PROT_READ | PROT_WRITE);
        free(p);
    }
    return 0;
}
