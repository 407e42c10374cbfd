// The program's own handler of SIGTRAP gets its own traps, and no other.
// expect: heap-use-after-free
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 48-byte region
// options: --keep-going
// expect-exit: 0
// expect-stdout: own traps 2, same handler 1
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile int traps;

static void handle(int number)
{
    traps++;
}

int main(void)
{
    signal(SIGTRAP, handle);
    __asm__ volatile("int3");
    char *volatile p = malloc(48); // <- allocated in main
    free(p); // <- freed in main
    char found = *p; // <- access in main
    __asm__ volatile("int3");
    struct sigaction now;
    sigaction(SIGTRAP, NULL, &now);
    printf("own traps %d, same handler %d\n", traps, now.sa_handler == handle);
    return found;
}
