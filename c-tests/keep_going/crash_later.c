// A crash that the heap has no part in still ends the run, and its handler is the program's.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 5
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

static sigjmp_buf back;

static void handle(int number)
{
    siglongjmp(back, 1);
}

int main(void)
{
    signal(SIGSEGV, handle);
    int *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    if (sigsetjmp(back, 1) == 0) {
        int *volatile null = NULL, *stale = p;
        // Reads the stale object, then writes where nothing is, in one instruction.
        __asm__ volatile("movsl" : : "S"(stale), "D"(null) : "memory"); // <- access in main
        return 1;
    }
    return 5;
}
