// Looks for leaks on request, and for what grows since a moment.
#include "../../include/fencepost.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *kept[4];

__attribute__((noinline)) static void lose(int count) {
    while (count--) {
        char *volatile lost = malloc(24);
        lost[0] = 1;
        lost = NULL;
    }
}

__attribute__((noinline)) static void keep_object(int number) {
    kept[number] = malloc(100);
}

/* What is left on the stack and in registers would count as a pointer. */
__attribute__((noinline)) static void clobber(void) {
    volatile char room[8192];
    memset((void *)room, 0, sizeof room);
}

int main(void) {
    if (!fencepost_check_leaks) {
        puts("no fencepost");
        return 0;
    }
    lose(3);
    keep_object(0);
    clobber();
    printf("lost: %zu\n", fencepost_check_leaks());
    size_t moment = fencepost_mark_leaks();
    printf("more: %zu\n", fencepost_check_leaks_since(moment));
    lose(2);
    keep_object(1);
    clobber();
    printf("more: %zu\n", fencepost_check_leaks_since(moment));
    printf("more: %zu\n", fencepost_check_leaks_since(0));
    return 0;
}
