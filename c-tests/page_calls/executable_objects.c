// A compiler at run time: it makes malloc'ed memory executable, pages as a whole, and one page more; and takes that back once it is freed.
// expect: clean
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, ALL = PROT_READ | PROT_WRITE | PROT_EXEC };
// mov eax, 42; ret
static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};

int main(void)
{
    for (size_t size = 16; size < 100000; size *= 5) {
        char *objects[20];
        for (int i = 0; i < 20; i++) {
            char *p = objects[i] = malloc(size);
            uintptr_t page = (uintptr_t)p & -PAGE, end = ((uintptr_t)p + size + PAGE) & -PAGE;
            memcpy(p, code, sizeof code);
            int all = mprotect((void *)page, end - page, ALL);
            int result = ((int (*)(void))(uintptr_t)p)();
            // The last page is read-only for a moment.
            int sealed = mprotect((void *)(end - PAGE), PAGE, PROT_READ | PROT_EXEC);
            int opened = mprotect((void *)(end - PAGE), PAGE, PROT_READ | PROT_WRITE);
            p[size - 1] = 1;
            printf("%d %d %d %d\n", all, result, sealed, opened);
        }
        // Natively these pages hold other objects, too: what the program has changed it changes back.
        for (int i = 0; i < 20; i++) {
            uintptr_t page = (uintptr_t)objects[i] & -PAGE;
            free(objects[i]);
            mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE);
        }
    }
    return 0;
}
